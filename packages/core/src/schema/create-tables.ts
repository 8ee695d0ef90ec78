import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteIdent, quoteLiteral, quoteName, sameName } from '../shared/names.ts'
import type { Attached, NeededType } from './needed.ts'
import { listAttached, listTypes } from './needed.ts'
import type { PgDump } from './pg-dump.ts'
import { dumpTables } from './pg-dump.ts'

export interface CreateRequest extends CommonOptions {
  /** Tables of the master; those that the slave has are left alone. */
  readonly tables: readonly QualifiedName[]
  readonly pgDump: PgDump
}

/**
 * Creates the tables that the slave lacks as they are on the master, in the slave's transaction, which the caller commits:
 * columns, defaults, sequences that columns own, constraints, indexes, partitions, and schemas and enumerations that they
 * need. What cannot be there is left out and told: foreign keys to tables that the slave does not have, triggers whose
 * function it does not have, row-level security.
 * @returns the tables created
 * @throws RservError SCHEMA, NO_SUCH_TABLE
 */
export async function createTables(master: Session, slave: Session, request: CreateRequest): Promise<QualifiedName[]> {
  const missing: TableDescription[] = []
  for (const table of request.tables) {
    if (await describeTable(slave, table)) continue
    const description = await describeTable(master, table)
    if (description && ['r', 'p'].includes(description.kind)) missing.push(description)
  }
  if (missing.length === 0) return []
  const parts = missing.flatMap((table) => [table, ...table.partitions])
  const leftOut = await chooseLeftOut(master, slave, parts)
  for (const { reason } of leftOut) if (reason) request.onEvent?.({ kind: 'notice', message: reason })
  const sql = await dumpTables(request.pgDump, {
    major: Math.floor(master.version / 10_000),
    tables: parts,
    wanted: ({ catalogOid, oid, text }) =>
      !text.startsWith('ROW SECURITY ') &&
      !leftOut.some(({ attached }) => attached.catalogOid === catalogOid && attached.oid === oid),
    signal: request.signal,
  })
  await createNeeded(master, slave, parts)
  await runScript(slave, sql)
  return missing.map(({ schema, name }) => ({ schema, name }))
}

interface LeftOut {
  readonly attached: Attached
  /** For people; null: it is rserv's own. */
  readonly reason: string | null
}

async function chooseLeftOut(
  master: Session,
  slave: Session,
  parts: readonly (QualifiedName & { readonly oid: string })[],
): Promise<LeftOut[]> {
  const leftOut: LeftOut[] = []
  const oids = parts.map(({ oid }) => oid)
  for (const attached of await listAttached(master, oids)) {
    const why = attached.own ? null : await whatLacks(slave, attached, parts)
    if (why === undefined) continue
    const { kind, name, table } = attached
    leftOut.push({ attached, reason: why && `${kind} ${name} of ${displayName(table)} is left out: ${why}` })
  }
  return leftOut
}

/** Undefined where nothing stands against it. */
async function whatLacks(
  slave: Session,
  { kind, needs }: Attached,
  parts: readonly QualifiedName[],
): Promise<string | undefined> {
  if (kind === 'policy') return 'row-level security would hide rows from rserv'
  const table = needs?.table
  if (table) {
    const there = parts.some((part) => sameName(part, table)) || (await describeTable(slave, table))
    return there ? undefined : `the slave has no table ${displayName(table)}`
  }
  const row = await slave.row('select pg_catalog.to_regprocedure($1) is not null as there', [needs?.function])
  return row?.['there'] === 't' ? undefined : `the slave has no function ${needs?.function}`
}

/** Schemas and enumerations; other types are the user's to create. */
async function createNeeded(
  master: Session,
  slave: Session,
  parts: readonly (QualifiedName & { readonly oid: string })[],
): Promise<void> {
  const types = await listTypes(
    master,
    parts.map(({ oid }) => oid),
  )
  const schemas = new Set([...parts.map(({ schema }) => schema), ...types.map(({ type }) => type.schema)])
  for (const schema of schemas) {
    const row = await slave.row('select pg_catalog.to_regnamespace($1) is not null as there', [quoteIdent(schema)])
    if (row?.['there'] !== 't') await slave.run(`create schema ${quoteIdent(schema)}`)
  }
  for (const type of types) await createType(slave, type)
}

async function createType(slave: Session, { type, labels }: NeededType): Promise<void> {
  const row = await slave.row('select pg_catalog.to_regtype($1) is not null as there', [quoteName(type)])
  if (row?.['there'] === 't') return
  if (labels === null) {
    throw new RservError('SCHEMA', `the slave has no type ${displayName(type)}; nothing was created`, {
      side: 'slave',
      hint: 'Create it first, as on the master: with its extension, or by CREATE DOMAIN or CREATE TYPE.',
    })
  }
  await slave.run(`create type ${quoteName(type)} as enum (${labels.map(quoteLiteral).join(', ')})`)
}

/** Settings that pg_dump writes, and older servers do not know. */
const NEWER_SETTINGS = /^SET transaction_timeout = 0;$/m

async function runScript(slave: Session, sql: string): Promise<void> {
  try {
    await slave.run(slave.version < 170_000 ? sql.replace(NEWER_SETTINGS, '') : sql)
  } catch (error) {
    if (!(error instanceof RservError) || error.code === 'CONNECT') throw error
    throw new RservError('SCHEMA', `the slave's tables could not be created: ${error.message}`, {
      side: 'slave',
      sqlState: error.sqlState,
      hint:
        'Nothing was created. What tables need besides types and owned sequences (functions in defaults and checks, other ' +
        'sequences) must be on the slave before; the role needs CREATE on the schema.',
      cause: error,
    })
  }
  // The script set it for good.
  await slave.run('set search_path = pg_catalog, pg_temp')
}
