import type { ClientConfig } from 'pg'
import type { BackendResolver, Granularity, TriggerBackend } from '../capture/contract.ts'
import { CHANGE_LOCK, INSTALL_LOCK } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { findTables } from '../database/find-tables.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction, withLockRetry } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, sameName } from '../shared/names.ts'
import type { CaptureChange } from './change-capture.ts'
import { changeStatements, recordChange } from './change-capture.ts'
import type { Prepared } from './install-table.ts'
import { installTable, prepareTable, statements } from './install-table.ts'

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
  /** `changed`: the table was captured already, and has another backend or granularity now. */
  readonly outcome: 'added' | 'changed' | 'already-captured' | 'dry-run'
  readonly keyColumns: readonly string[]
  readonly granularity: Granularity
  readonly backend: string
  /** The lock that adding takes, in a sentence. */
  readonly locks: string
  /** What is or would be run. */
  readonly sql?: string
}

/**
 * Starts to capture tables, or gives captured ones to another backend or granularity, where one is named; no change is
 * lost meanwhile. Each table in a transaction of its own: all of it or nothing.
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
    const change = known && changeOf(known, request, backend, options)
    plan.push(await previewOne({ known, change, request, backend }))
  }
  return plan
}

interface Preview {
  readonly known: ReplicatedTable | undefined
  readonly change: CaptureChange | null | undefined
  readonly request: Prepared
  readonly backend: TriggerBackend
}

async function previewOne({ known, change, request, backend }: Preview): Promise<AddedTable> {
  if (known && !change) return alreadyThere(known)
  const sql = change ? await changeStatements(change) : statements(request, 0, backend)
  return summary('dry-run', request, backend, sql)
}

function summary(
  outcome: AddedTable['outcome'],
  { description, key, granularity }: Prepared,
  backend: TriggerBackend,
  sql: readonly string[],
): AddedTable {
  return {
    table: { schema: description.schema, name: description.name },
    outcome,
    keyColumns: key.map((column) => column.name),
    granularity,
    backend: backend.name,
    locks: INSTALL_LOCK,
    sql: sql.map((statement) => `${statement};`).join('\n'),
  }
}

function alreadyThere({ table, keyColumns, granularity, backend }: ReplicatedTable): AddedTable {
  return { table, outcome: 'already-captured', keyColumns, granularity, backend, locks: 'none' }
}

/**
 * What is to be changed at a captured table; null: nothing.
 * @throws RservError ALREADY_DIFFERENT when its key would have to change, or it is another table by the same name
 */
function changeOf(
  known: ReplicatedTable,
  { description, key, granularity }: Prepared,
  backend: TriggerBackend,
  options: MasterAddTablesOptions,
): CaptureChange | null {
  const names = key.map((column) => column.name)
  const otherKey = options.keyColumns?.length && known.keyColumns.toSorted().join('\0') !== names.toSorted().join('\0')
  if (otherKey) throw different(known, `captured already, by (${known.keyColumns.join(', ')})`)
  if (known.oid !== description.oid) throw different(known, 'another one than was captured: dropped and created again')
  const otherBackend = options.backend !== undefined && backend.name !== known.backend
  const otherGranularity = (otherBackend || options.granularity !== undefined) && granularity !== known.granularity
  return otherBackend || otherGranularity
    ? { known, description, backend, granularity, backends: options.backends }
    : null
}

function different(known: ReplicatedTable, how: string): RservError {
  return new RservError('ALREADY_DIFFERENT', `table ${displayName(known.table)} is ${how}`, {
    side: 'master',
    hint: 'Remove it first (master-remove-table) and add it again; slaves then copy it again.',
  })
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
  if (known) return changeTable(session, known, changeOf(known, prepared, backend, options))
  const run = await installTable(session, prepared, backend)
  return summary('added', prepared, backend, run)
}

async function changeTable(
  session: Session,
  known: ReplicatedTable,
  change: CaptureChange | null,
): Promise<AddedTable> {
  if (!change) return alreadyThere(known)
  const run = await changeStatements(change)
  for (const statement of run) await session.run(statement)
  await recordChange(session, change)
  const { backend, granularity } = change
  return {
    ...alreadyThere({ ...known, backend: backend.name, granularity }),
    outcome: 'changed',
    locks: CHANGE_LOCK,
    sql: run.map((statement) => `${statement};`).join('\n'),
  }
}
