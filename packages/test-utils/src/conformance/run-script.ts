import { randomBytes } from 'node:crypto'
import type { BackendResolver, Granularity } from '@rserv/core'
import { masterAddTables, masterInit } from '@rserv/core'
import type pg from 'pg'
import type { TestDatabase } from '../databases.ts'
import type { LoggedKeys, Script, Step } from './script.ts'

const SETTINGS = `set datestyle = 'ISO, YMD'; set timezone = 'UTC'; set intervalstyle = 'postgres';
  set extra_float_digits = 3; set bytea_output = 'hex'; set statement_timeout = 0`

/** What a step should have logged and what it has; keys as sorted JSON. */
export interface StepResult {
  readonly sql: string
  readonly missing: readonly string[]
  readonly extra: readonly string[]
}

export interface ScriptOptions {
  readonly backend: string
  readonly backends: BackendResolver
  readonly granularity?: Granularity | undefined
}

interface CapturedTable {
  readonly id: number
  readonly keyCount: number
}

/** Sets a database up, runs the script in it and compares every transaction's log with what it should be. */
export async function runScript(database: TestDatabase, script: Script, options: ScriptOptions): Promise<StepResult[]> {
  await database.query(script.ddl)
  await masterInit(database.config, { backends: options.backends, backend: options.backend })
  for (const { name, keyColumns } of script.tables) {
    await masterAddTables(database.config, {
      tables: [name],
      backends: options.backends,
      backend: options.backend,
      granularity: options.granularity,
      ...(keyColumns ? { keyColumns: [...keyColumns] } : {}),
    })
  }
  const tables = await capturedTables(database)
  const application = await database.connect()
  const results: StepResult[] = []
  for (const step of script.steps) {
    const xid = await runStep(application, step)
    const logged = xid === null ? new Set<string>() : await loggedBy(database, tables, xid)
    results.push(compare(step, logged))
  }
  return results
}

async function capturedTables(database: TestDatabase): Promise<Map<string, CapturedTable>> {
  const rows = await database.query<{ name: string; id: number; keys: number }>(
    'select table_name as name, table_id as id, cardinality(key_columns) as keys from rserv.replicated_table',
  )
  return new Map(rows.map(({ name, id, keys }) => [name, { id, keyCount: keys }]))
}

/** The transaction's id; null when it never got one. */
async function runStep(client: pg.Client, step: Step): Promise<string | null> {
  await client.query('begin')
  for (const sql of step.sql) await client.query(sql)
  await client.query('set constraints all immediate')
  const { rows } = await client.query<{ xid: string | null }>(
    'select pg_catalog.pg_current_xact_id_if_assigned()::text as xid',
  )
  await endStep(client, step)
  return rows[0]?.xid ?? null
}

async function endStep(client: pg.Client, step: Step): Promise<void> {
  if (!step.prepare) {
    await client.query(step.rollback ? 'rollback' : 'commit')
    return
  }
  const name = `rserv_test_${randomBytes(6).toString('hex')}`
  await client.query(`prepare transaction '${name}'`)
  await client.query(`${step.rollback ? 'rollback' : 'commit'} prepared '${name}'`)
}

async function loggedBy(database: TestDatabase, tables: Map<string, CapturedTable>, xid: string): Promise<Set<string>> {
  const logged = new Set<string>()
  await database.query(SETTINGS)
  for (const [name, { id, keyCount }] of tables) {
    const columns = Array.from({ length: keyCount }, (_, index) => `k${index + 1}::text`)
    // char(n) loses its blanks in a cast to text; its output has them.
    const values = columns.map((column) => column.replace('::text', '')).map((column) => `format('%s', ${column})`)
    const rows = await database.query<{ key: string[] }>(
      `select array[${values.join(', ')}]::text[] as key from rserv.log_${id} where xid = $1`,
      [xid],
    )
    for (const { key } of rows) logged.add(entry(name, key))
    const truncates = await database.query('select from rserv.truncate_log where xid = $1 and table_id = $2', [xid, id])
    if (truncates.length > 0) logged.add(`${name} truncated`)
  }
  return logged
}

function entry(table: string, key: readonly string[]): string {
  return `${table} ${JSON.stringify(key)}`
}

function expected(logs: readonly LoggedKeys[]): Set<string> {
  return new Set(
    logs.flatMap(({ table, keys, truncated }) => [
      ...keys.map((key) => entry(table, key)),
      ...(truncated ? [`${table} truncated`] : []),
    ]),
  )
}

function compare(step: Step, logged: ReadonlySet<string>): StepResult {
  const unknown = (table: string): boolean => step.orTruncated === true && logged.has(`${table} truncated`)
  if (step.logs.length > 0 && step.logs.every(({ table }) => unknown(table)))
    return { sql: step.sql.join('; '), missing: [], extra: [] }
  const wanted = expected(step.logs)
  return {
    sql: step.sql.join('; '),
    missing: [...wanted].filter((one) => !logged.has(one)).toSorted(),
    extra: step.extrasAllowed ? [] : [...logged].filter((one) => !wanted.has(one)).toSorted(),
  }
}
