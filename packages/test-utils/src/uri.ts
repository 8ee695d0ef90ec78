import type { ClientConfig } from 'pg'

/** Reads a postgres:// URI; only what tests need of it. */
export function parseUri(uri: string): ClientConfig {
  const url = new URL(uri)
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username) || 'postgres',
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)) || 'postgres',
  }
}
