import type { ClientConfig } from 'pg'

/** Reads a postgres:// URI; only what tests need of it. */
export function parseUri(uri: string): ClientConfig {
  const url = new URL(uri)
  const part = (text: string): string => decodeURIComponent(text)
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(url.port || 5432),
    user: part(url.username) || 'postgres',
    password: part(url.password),
    database: part(url.pathname.slice(1)) || 'postgres',
  }
}
