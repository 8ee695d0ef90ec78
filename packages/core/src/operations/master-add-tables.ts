import type { ClientConfig } from 'pg'
import type { BackendResolver, Granularity, TriggerBackend } from '../capture/contract.ts'
import { chooseKey } from '../capture/choose-key.ts'
import { captureTable, checkBackend, chooseGranularity, countTriggers, INSTALL_LOCK } from '../capture/install.ts'
import { refuseUnsupported } from '../capture/refuse-table.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import { findTables } from '../database/find-tables.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction, withLockRetry } from '../database/transaction.ts'
import { createLog, logColumn, logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, sameName } from '../shared/names.ts'

export interface MasterAddTablesOptions extends CommonOptions {
  /** Names and patterns as typed. */
  tables: string[]
  all?: boolean | undefined
  /** Key columns; default the primary key. Only with one table. */
  keyColumns?: string[] | undefined
  /** Trigger backend; default the master's. */
  backend?: string | undefined
  granularity?: Granularity | undefined
  /** Only tell the SQL. */
  dryRun?: boolean | undefined
  /** Milliseconds that one attempt waits for the table's lock; default 1000. */
  lockTimeoutMs?: number | undefined
  /** Attempts to get it; default 30. */
  attempts?: number | undefined
  backends: BackendResolver
}

export interface AddedTable {
  readonly table: QualifiedName
  readonly outcome: 'added' | 'already-captured' | 'dry-run'
  readonly keyColumns: readonly string[]
  readonly granularity: Granularity
  readonly backend: string
  /** The lock that adding takes, in a sentence. */
  readonly locks: string
  /** What is or would be run. */
  readonly sql?: string
}

/**
 * Starts to capture tables. Each table is added in a transaction of its own: all of it or nothing.
 * @throws RservError NO_SUCH_TABLE, NO_SUCH_COLUMN, NO_KEY, UNSUPPORTED_TABLE, ROW_SECURITY, BACKEND,
 *   ALREADY_DIFFERENT, LOCK_TIMEOUT, NOT_INITIALISED, WRONG_ROLE, PRIVILEGE
 */
export async function masterAddTables(
  master: ClientConfig,
  options: MasterAddTablesOptions,
): Promise<{ tables: AddedTable[] }> {
  await using session = await openSession(master, 'master', options)
  const { node, tables } = await inTransaction(session, async () => ({
    node: await requireRole(session, 'master'),
    tables: await findTables(session, options),
  }))
  if (options.keyColumns?.length && tables.length > 1) {
    throw new RservError('BAD_ARGUMENT', 'key columns can be given for one table only', {
      hint: 'Add the tables one by one, or leave the columns out to use their primary keys.',
    })
  }
  const backend = await options.backends(options.backend ?? node.backend ?? 'plpgsql')
  const plan = await inTransaction(session, () => preview(session, tables, backend, options))
  if (options.dryRun) return { tables: plan }
  const added: AddedTable[] = []
  for (const { table } of plan) added.push(await addWithRetry(session, table, backend, options))
  return { tables: added }
}

/** Checks all tables before the first one is touched. */
async function preview(
  session: Session,
  tables: readonly QualifiedName[],
  backend: TriggerBackend,
  options: MasterAddTablesOptions,
): Promise<AddedTable[]> {
  const existing = await listReplicated(session)
  const plan: AddedTable[] = []
  for (const table of tables) {
    if (options.all && displayName(table).startsWith('rserv.')) continue
    const request = await prepareTable(session, table, backend, options)
    const known = existing.find((other) => sameName(other.table, table))
    plan.push(known ? alreadyThere(known, request, options) : dryRun(request, backend))
  }
  return plan
}

interface Prepared {
  readonly description: TableDescription
  readonly key: ReturnType<typeof chooseKey>
  readonly granularity: Granularity
}

async function prepareTable(
  session: Session,
  table: QualifiedName,
  backend: TriggerBackend,
  options: MasterAddTablesOptions,
): Promise<Prepared> {
  const description = await describeTable(session, table)
  if (!description) throw new RservError('NO_SUCH_TABLE', `no table ${displayName(table)}`, { side: 'master' })
  refuseUnsupported(description, 'master')
  const key = chooseKey(description, options.keyColumns, 'master')
  const granularity = chooseGranularity(options.granularity, backend, description)
  await checkBackend(session, backend, capture({ description, key, granularity }, 0))
  return { description, key, granularity }
}

function capture(prepared: Prepared, tableId: number): ReturnType<typeof captureTable> {
  const logNames = { log: logTable(tableId), truncateLog: TRUNCATE_LOG, column: logColumn }
  return captureTable({ ...prepared, tableId, logNames })
}

function statements(prepared: Prepared, tableId: number, backend: TriggerBackend): string[] {
  const table = capture(prepared, tableId)
  return [
    ...createLog(tableId, table.table, prepared.key),
    ...backend.createFunctions(table),
    ...backend.createTriggers(table),
  ]
}

function dryRun(prepared: Prepared, backend: TriggerBackend): AddedTable {
  return {
    table: { schema: prepared.description.schema, name: prepared.description.name },
    outcome: 'dry-run',
    keyColumns: prepared.key.map((column) => column.name),
    granularity: prepared.granularity,
    backend: backend.name,
    locks: INSTALL_LOCK,
    sql: statements(prepared, 0, backend)
      .map((sql) => `${sql};`)
      .join('\n'),
  }
}

function alreadyThere(known: ReplicatedTable, prepared: Prepared, options: MasterAddTablesOptions): AddedTable {
  const key = prepared.key.map((column) => column.name)
  const differs =
    (options.keyColumns?.length && known.keyColumns.toSorted().join('\0') !== key.toSorted().join('\0')) ||
    (options.backend && options.backend !== known.backend) ||
    (options.granularity && options.granularity !== known.granularity)
  if (differs) {
    throw new RservError(
      'ALREADY_DIFFERENT',
      `table ${displayName(known.table)} is captured already, by (${known.keyColumns.join(', ')}) with backend ${known.backend} at ${known.granularity} granularity`,
      { side: 'master', hint: 'Remove it first (master-remove-table) to change that; slaves copy it again.' },
    )
  }
  const { table, keyColumns, granularity, backend } = known
  return { table, outcome: 'already-captured', keyColumns, granularity, backend, locks: 'none' }
}

async function addWithRetry(
  session: Session,
  table: QualifiedName,
  backend: TriggerBackend,
  options: MasterAddTablesOptions,
): Promise<AddedTable> {
  const onWait = (attempt: number): void =>
    options.onEvent?.({
      kind: 'notice',
      table,
      message: `waiting for a lock on ${displayName(table)} (attempt ${attempt})`,
    })
  return withLockRetry(session, { ...options, onWait }, () => addTable(session, table, backend, options))
}

async function addTable(
  session: Session,
  table: QualifiedName,
  backend: TriggerBackend,
  options: MasterAddTablesOptions,
): Promise<AddedTable> {
  await session.query(`select pg_advisory_xact_lock(hashtextextended('rserv.add-table', 0))`)
  const known = (await listReplicated(session)).find((other) => sameName(other.table, table))
  const prepared = await prepareTable(session, table, backend, options)
  if (known) return alreadyThere(known, prepared, options)
  const tableId = await record(session, prepared, backend)
  const run = statements(prepared, tableId, backend)
  // Creating the first trigger takes the lock; LOCK TABLE would need more rights on the table.
  for (const statement of run) await session.run(statement)
  await refuseChanged(session, prepared.description)
  await beginLog(session, tableId, prepared.description)
  return {
    table,
    outcome: 'added',
    keyColumns: prepared.key.map((column) => column.name),
    granularity: prepared.granularity,
    backend: backend.name,
    locks: INSTALL_LOCK,
    sql: run.map((sql) => `${sql};`).join('\n'),
  }
}

/** The table may have changed before the lock was there. */
async function refuseChanged(session: Session, before: TableDescription): Promise<void> {
  const now = await describeTable(session, before)
  if (shapeOf(now) === shapeOf(before)) return
  throw new RservError('CAPTURE_BROKEN', `table ${displayName(before)} was altered while it was being added`, {
    side: 'master',
    hint: 'Nothing was changed; run the command again.',
  })
}

function shapeOf(table: TableDescription | null): string {
  return JSON.stringify({ ...table, estimatedRows: 0 })
}

/** The lock is held, so no running transaction has written the table: the log is complete from this snapshot on. */
async function beginLog(session: Session, tableId: number, description: TableDescription): Promise<void> {
  await session.run(
    `update rserv.replicated_table set trigger_count = $2, captured_from = s, log_start = s
      from pg_current_snapshot() s where table_id = $1`,
    [tableId, await countTriggers(session, description.oid)],
  )
}

async function record(
  session: Session,
  { description, key, granularity }: Prepared,
  backend: TriggerBackend,
): Promise<number> {
  const row = await session.row(
    `insert into rserv.replicated_table (table_oid, schema_name, table_name, key_columns, backend, granularity,
        captured_from, log_start, trigger_count, partition_oids)
      select $1, $2, $3, (select array_agg(k) from json_array_elements_text($4::json) k), $5, $6, s, s, 0, $7
      from pg_current_snapshot() s returning table_id`,
    [
      description.oid,
      description.schema,
      description.name,
      JSON.stringify(key.map((column) => column.name)),
      backend.name,
      granularity,
      `{${description.partitions.map((partition) => partition.oid).join(',')}}`,
    ],
  )
  return Number(row?.['table_id'])
}
