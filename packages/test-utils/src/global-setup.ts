import pg from 'pg'
import { testServer } from './server.ts'

/**
 * Vitest's global setup: one server for the whole run, handed to the workers through the environment. See server.ts
 * for where it comes from.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const server = await testServer()
  process.env['RSERV_TEST_SERVER'] = JSON.stringify(server.config)
  await dropLeftovers(server.config)
  return async () => {
    await dropLeftovers(server.config)
    await server.stop()
  }
}

/** Databases and roles of runs that did not come to their end. */
async function dropLeftovers(config: pg.ClientConfig): Promise<void> {
  const client = new pg.Client(config)
  await client.connect()
  const databases = await client.query<{ name: string }>(
    `select datname as name from pg_database where datname like 'rserv\\_test\\_%'`,
  )
  for (const { name } of databases.rows)
    await client.query(`drop database ${client.escapeIdentifier(name)} with (force)`)
  const roles = await client.query<{ name: string }>(
    `select rolname as name from pg_roles where rolname like 'rserv\\_test\\_%'`,
  )
  for (const { name } of roles.rows) await client.query(`drop role ${client.escapeIdentifier(name)}`)
  await client.end()
}
