import { RservError } from '@rserv/core'
import type { ClientConfig } from 'pg'
import pg from 'pg'

/** Runs work on a connection of its own. */
export async function onDatabase<T>(config: ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config)
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

/** Creates a database for the demonstration; one left by an earlier run is emptied, any other is refused. */
export async function prepareDatabase(config: (database: string) => ClientConfig, name: string): Promise<void> {
  const exists = await onDatabase(config('postgres'), async (client) => {
    const { rowCount } = await client.query('select from pg_catalog.pg_database where datname = $1', [name])
    if (!rowCount) await client.query(`create database ${client.escapeIdentifier(name)}`)
    return Boolean(rowCount)
  })
  await onDatabase(config(name), async (client) => {
    if (exists) await empty(client, name)
    await client.query('create table public.test (id serial primary key, data text)')
  })
}

async function empty(client: pg.Client, name: string): Promise<void> {
  const { rows } = await client.query<{ other: string }>(
    `select n.nspname || '.' || c.relname as other from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema', 'rserv')
        and n.nspname not like 'pg\\_toast%' and not (n.nspname = 'public' and c.relname = 'test')`,
  )
  if (rows[0]) {
    throw new RservError('BAD_ARGUMENT', `database ${name} exists and holds ${rows[0].other}`, {
      hint: 'Give two other names: rserv demo MASTERDB SLAVEDB. The demonstration creates them.',
    })
  }
  await client.query('drop table if exists public.test; drop schema if exists rserv cascade')
}
