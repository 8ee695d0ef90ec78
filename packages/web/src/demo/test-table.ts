import { RservError } from '@rserv/core'
import type { ClientConfig } from 'pg'
import pg from 'pg'

/** The demonstration's table, as InitRservTest makes it. */
export const TEST_TABLE = 'public.test'

const CREATE = `create table public.test (id serial primary key, data text)`

/** Does the table exist? */
export async function hasTestTable(config: ClientConfig): Promise<boolean> {
  return onDatabase(config, async (client) => (await textColumn(client)) !== undefined)
}

export async function createTestTable(config: ClientConfig): Promise<void> {
  await onDatabase(config, async (client) => {
    if ((await textColumn(client)) === undefined) await client.query(CREATE)
  })
}

/** Enters a text: a new row, or, where there is a row with it already, that row once more. */
export async function enterText(config: ClientConfig, text: string): Promise<'inserted' | 'updated'> {
  return onDatabase(config, async (client) => {
    const column = client.escapeIdentifier(await requireTextColumn(client, config))
    const sql = `update public.test set ${column} = $1 where ${column} = $1`
    if (((await client.query(sql, [text])).rowCount ?? 0) > 0) return 'updated'
    await client.query(`insert into public.test (${column}) values ($1)`, [text])
    return 'inserted'
  })
}

/** Is the table captured on this master, or taken by this slave? */
export async function isReplicated(config: ClientConfig, side: 'master' | 'slave'): Promise<boolean> {
  const list = side === 'master' ? 'rserv.replicated_table' : 'rserv.slave_table'
  return onDatabase(config, async (client) => {
    const { rows } = await client.query<{ there: boolean }>('select pg_catalog.to_regclass($1) is not null as there', [
      list,
    ])
    if (!rows[0]?.there) return false
    const sql = `select from ${list} where schema_name = 'public' and table_name = 'test'`
    return ((await client.query(sql)).rowCount ?? 0) > 0
  })
}

/** The text as the database has it, or null. */
export async function findText(config: ClientConfig, text: string): Promise<string | null> {
  return onDatabase(config, async (client) => {
    const column = client.escapeIdentifier(await requireTextColumn(client, config))
    const sql = `select ${column}::text as value from public.test where ${column} = $1 limit 1`
    return (await client.query<{ value: string }>(sql, [text])).rows[0]?.value ?? null
  })
}

/** The column `data`, else the first that holds text. */
async function textColumn(client: pg.Client): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    `select a.attname as name from pg_catalog.pg_attribute a
        join pg_catalog.pg_class c on c.oid = a.attrelid
        join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relname = 'test' and c.relkind in ('r', 'p') and a.attnum > 0
        and not a.attisdropped and a.attgenerated = ''
        and a.atttypid in ('pg_catalog.text'::regtype, 'pg_catalog.varchar'::regtype, 'pg_catalog.bpchar'::regtype)
      order by a.attname = 'data' desc, a.attnum limit 1`,
  )
  return rows[0]?.name
}

async function requireTextColumn(client: pg.Client, { database }: ClientConfig): Promise<string> {
  const column = await textColumn(client)
  if (column !== undefined) return column
  throw new RservError('NO_SUCH_TABLE', `database ${database} has no table test with a column for text`, {
    hint: '“Set up the table” makes it on both sides.',
  })
}

/** Runs work on a connection of its own. @throws RservError CONNECT, SQL */
async function onDatabase<T>(config: ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionTimeoutMillis: 10_000, ...config })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (cause) {
    throw new RservError('CONNECT', `cannot connect to database ${config.database}: ${messageOf(cause)}`, {
      hint: 'Is the name right, and the server up?',
      cause,
    })
  }
  try {
    return await work(client)
  } catch (cause) {
    if (cause instanceof RservError) throw cause
    const sqlState = cause instanceof pg.DatabaseError ? cause.code : undefined
    throw new RservError('SQL', messageOf(cause), { cause, sqlState })
  } finally {
    await client.end().catch(() => undefined)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
