import { createHash } from 'node:crypto'
import type { CliRun, TestDatabase } from '@rserv/test-utils'
import { uriOf } from '@rserv/test-utils'
import { expect } from 'vitest'
import { runHere } from './in-process.ts'
import type { CliPair } from './support.ts'
import { databases } from './support.ts'

export const ORDERS = 'create table orders (id int primary key, v text)'

export interface Failure {
  readonly code?: number
  /** The error's code in the document. */
  readonly error: string
  readonly says: RegExp
}

/** Runs rserv and expects it to fail with that error, a hint, and no stack trace. */
export async function fails(
  args: readonly string[],
  expected: Failure,
  options: { input?: Buffer } = {},
): Promise<CliRun> {
  const run = await runHere([...args, '--json'], options)
  expect(run.stderr).toMatch(/^rserv: .+/m)
  expect(run.stderr).toMatch(expected.says)
  expect(run.stderr).toMatch(/^hint: .+/m)
  expect(run.stderr).not.toMatch(/^\s+at /m)
  const { error } = JSON.parse(run.stdout) as { error: { code: string } }
  expect({ code: run.code, error: error.code }).toEqual({ code: expected.code ?? 1, error: expected.error })
  return run
}

/**
 * Everything that rserv could change: all rows of its schema, triggers, functions, and the user's tables. What it records
 * of an error is no change.
 */
async function fingerprint(database: TestDatabase): Promise<string> {
  const [schema] = await database.query<{ xml: string }>(
    `select schema_to_xml('public', true, true, '')::text ||
      (select coalesce(string_agg(table_to_xml(oid, true, true, '')::text, '' order by relname), '') from pg_class
        where relnamespace = to_regnamespace('rserv') and relkind = 'r' and relname <> 'last_error') ||
      (select coalesce(string_agg(tgname || tgenabled::text, ',' order by oid), '') from pg_trigger) ||
      (select count(*) from pg_proc) as xml`,
  )
  return createHash('sha256')
    .update(schema?.xml ?? '')
    .digest('hex')
}

/** A pair that must be as it was when the work has failed. */
export async function unchanged(pair: CliPair, work: () => Promise<unknown>): Promise<void> {
  const before = [await fingerprint(pair.master), await fingerprint(pair.slave)]
  await work()
  expect([await fingerprint(pair.master), await fingerprint(pair.slave)]).toEqual(before)
}

/** Set up and replicated once. */
export async function ready(ddl = ORDERS, slaveDdl = ddl): Promise<CliPair> {
  const pair = await databases(ddl, slaveDdl)
  const { master, slave } = pair
  for (const args of [
    ['master-init', master.uri],
    ['slave-init', slave.uri],
    ['master-add-table', master.uri, '--all'],
    ['slave-add-table', slave.uri, '--all'],
    ['replicate', master.uri, slave.uri],
  ]) {
    const run = await runHere(args)
    expect(run, `${args[0]}: ${run.stderr}`).toMatchObject({ code: 0 })
  }
  return pair
}

/** The database's URI for another role. */
export function uriAs({ config }: TestDatabase, { name, password }: { name: string; password: string }): string {
  return uriOf({ ...config, user: name, password })
}
