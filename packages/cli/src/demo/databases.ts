import { RservError } from '@rserv/core'
import type { ClientConfig } from 'pg'
import pg from 'pg'

/** By this comment a later demonstration knows the table for one that it may drop. */
const MARK = 'made by the demonstration of rserv'

/** Runs work on a connection of its own. */
export async function onDatabase<T>(config: ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config)
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    throw new RservError('CONNECT', `cannot connect to database ${config.database}: ${(error as Error).message}`, {
      hint: 'Check --host, --user and the password (PGPASSWORD or ~/.pgpass).',
      cause: error,
    })
  }
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Creates the databases for the demonstration; those of an earlier run are emptied, any other is refused. */
export async function prepareDatabases(
  config: (database: string) => ClientConfig,
  names: readonly string[],
): Promise<void> {
  const existing = await onDatabase(config('postgres'), async (client) => {
    const sql = 'select datname as name from pg_catalog.pg_database where datname = any($1)'
    return (await client.query<{ name: string }>(sql, [names])).rows.map(({ name }) => name)
  })
  // All are looked at before the first one is touched.
  for (const name of existing) await onDatabase(config(name), (client) => refuseForeign(client, name))
  for (const name of names) {
    if (!existing.includes(name)) {
      await onDatabase(config('postgres'), (client) => client.query(`create database ${client.escapeIdentifier(name)}`))
    }
    await onDatabase(config(name), async (client) => {
      await client.query('drop table if exists public.test; drop schema if exists rserv cascade')
      await client.query(
        `create table public.test (id serial primary key, data text); comment on table public.test is '${MARK}'`,
      )
    })
  }
}

/** @throws RservError BAD_ARGUMENT for a database with anything that no demonstration made */
async function refuseForeign(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query<{ other: string; ours: boolean }>(
    `select n.nspname || '.' || c.relname as other,
        n.nspname = 'public' and c.relname = 'test'
          and coalesce(pg_catalog.obj_description(c.oid, 'pg_class') = $1, false) as ours
      from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname not like 'pg\\_toast%' and n.nspname not like 'pg\\_temp%'`,
    [MARK],
  )
  const other = rows.find((row) => !row.ours && !row.other.startsWith('rserv.'))
  const replicated = rows.some((row) => row.other.startsWith('rserv.')) && !rows.some((row) => row.ours)
  if (!other && !replicated) return
  throw new RservError('BAD_ARGUMENT', `database ${name} exists and holds ${other?.other ?? 'a schema rserv'}`, {
    hint: 'Give two other names: rserv demo MASTERDB SLAVEDB. The demonstration creates them.',
  })
}
