import { availableParallelism } from 'node:os'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { startPlv8Server } from './plv8/server.ts'
import type { TestServer } from './server.ts'
import { testServers } from './server.ts'

/**
 * Vitest's global setup: a server for each worker, since tests look at what else happens on theirs, and one with PLV8
 * where there is one, handed to the workers through the environment. See server.ts and plv8/server.ts for where they come from.
 */
export default async function setup({ config }: TestProject): Promise<() => Promise<void>> {
  // Vitest says how many workers there are only where its configuration does; else there are fewer than processors.
  const own = await testServers(config.maxWorkers || availableParallelism())
  process.env['RSERV_TEST_SERVERS'] = JSON.stringify(own.map(({ config }) => config))
  const plv8 = await startPlv8Server()
  if (plv8) process.env['RSERV_TEST_PLV8_SERVER'] = JSON.stringify(plv8.config)
  const servers: readonly TestServer[] = plv8 ? [...own, plv8] : own
  for (const { config } of servers) await dropLeftovers(config)
  return async () => {
    for (const { config, stop } of servers) {
      await dropLeftovers(config)
      await stop()
    }
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
