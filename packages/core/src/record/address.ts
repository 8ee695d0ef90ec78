import type { ClientConfig } from 'pg'
import pg from 'pg'

/** A database for people: `database at host:port`, without user and password. */
export function addressOf(config: ClientConfig): string {
  // The driver fills in what is left out, and reads connection strings.
  const { database, host, port } = new pg.Client(config)
  return `${database ?? ''} at ${host}:${port}`
}
