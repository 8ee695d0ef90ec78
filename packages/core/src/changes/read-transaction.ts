import { setTimeout as sleep } from 'node:timers/promises'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { stillCaptured } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import type { TransactionOptions } from '../database/transaction.ts'
import { begin, rollback } from '../database/transaction.ts'
import { GATE, logTable } from '../log/log-table.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import { quoteName } from '../shared/names.ts'
import { errorOfTable } from '../shared/of-table.ts'
import type { Position } from '../shared/position.ts'
import { activeTables } from './active-tables.ts'
import type { Wanted } from './wanted.ts'

/**
 * Of the transaction that a transfer is read in, while it takes its locks. Whoever holds one of them may want the next
 * that we have already: we give way long before the server looks for a deadlock (deadlock_timeout, usually a second), and
 * would end the application's transaction (case 66).
 */
export const READ_OPTIONS: TransactionOptions = { isolation: 'repeatable read', lockTimeoutMs: 250 }

/** Milliseconds to try for the locks of tables that DDL or TRUNCATE holds; and to wait for any other lock later. */
const PATIENCE_MS = 10_000
/** Milliseconds without any lock between two attempts. */
const GIVE_WAY_MS = 50

/**
 * Opens the transaction that a transfer is read in, and returns its position. The tables and their logs are locked
 * ACCESS SHARE before the snapshot is taken: TRUNCATE and rewriting ALTERs are not MVCC-safe (cases 36, 37).
 * The caller ends the transaction.
 * @throws RservError LOCK_TIMEOUT
 */
export async function openRead(session: Session, tables: readonly ReplicatedTable[]): Promise<Position> {
  return openLocked(session, tables, lockStatement)
}

/**
 * As `openRead`, for all rows of one table: neither its log nor the gate is locked, so logs can be emptied by TRUNCATE
 * for as long as a large table is read.
 * @throws RservError LOCK_TIMEOUT
 */
export async function openRowsRead(session: Session, table: ReplicatedTable): Promise<Position> {
  return openLocked(session, [table], lockRowsStatement)
}

type Locking = (tables: readonly ReplicatedTable[]) => string

async function openLocked(session: Session, tables: readonly ReplicatedTable[], locking: Locking): Promise<Position> {
  await lockTables(session, tables, locking)
  await session.run(`set local lock_timeout = ${PATIENCE_MS}`)
  const row = await session.row('select pg_catalog.pg_current_snapshot()::text as position')
  session.reach('changes.snapshot')
  return row?.['position'] ?? ''
}

/** The transaction in which changes are read. */
export interface ChangesRead {
  readonly position: Position
  /** Of `activeTables`, in this snapshot. */
  readonly active: ReadonlySet<number>
}

/** Times to begin anew because tables became active that were not locked; then all are. */
const GUESSES = 3

/**
 * As `openRead`, but locks only the tables that are active: which ones these are is known after the snapshot, and
 * guessed before.
 * @param wanted one for each of `tables`
 * @param guess of `activeTables`, at any time before
 * @throws RservError LOCK_TIMEOUT, CAPTURE_BROKEN when a table was removed or re-added meanwhile
 */
export async function openChanges(session: Session, { tables, wanted, guess }: Wishes): Promise<ChangesRead> {
  const locked = new Set(guess)
  for (let attempt = 1; ; attempt++) {
    const all = attempt > GUESSES
    const position = await openRead(session, all ? tables : tables.filter(({ tableId }) => locked.has(tableId)))
    const active = await activeTables(session, wanted)
    if (all || [...active].every((tableId) => locked.has(tableId))) {
      await refuseStale(session, tables)
      return { position, active }
    }
    for (const tableId of active) locked.add(tableId)
    await rollback(session)
  }
}

interface Wishes {
  readonly tables: readonly ReplicatedTable[]
  readonly wanted: readonly Wanted[]
  readonly guess: ReadonlySet<number>
}

/** Begins the transaction with the locks, all of them or none while it waits for long. */
async function lockTables(session: Session, tables: readonly ReplicatedTable[], locking: Locking): Promise<void> {
  const started = performance.now()
  for (;;) {
    await begin(session, READ_OPTIONS)
    try {
      await session.run(locking(tables))
      return
    } catch (error) {
      // 40P01: whoever else waits has a shorter deadlock_timeout.
      await rollback(session)
      const mayPass = ['55P03', '40P01'].includes(codeOf(error) ?? '')
      if (!mayPass) throw await withTable(session, tables, { error, locking })
      if (performance.now() - started > PATIENCE_MS) throw error
      await sleep(GIVE_WAY_MS)
    }
  }
}

/** The server does not say which of several tables it was that could not be locked. */
async function withTable(
  session: Session,
  tables: readonly ReplicatedTable[],
  { error, locking }: { error: unknown; locking: Locking },
): Promise<unknown> {
  if (codeOf(error) === undefined) return error
  for (const table of tables) {
    await begin(session, READ_OPTIONS)
    const one = await session.run(locking([table])).then(
      () => null,
      (reason: unknown) => reason,
    )
    await rollback(session)
    if (codeOf(one) === codeOf(error)) return errorOfTable(one, table.table)
  }
  return error
}

/** The statement that locks the gate, which keeps every log from being emptied by TRUNCATE, and tables with their logs. */
export function lockStatement(tables: readonly ReplicatedTable[]): string {
  const names = tables.flatMap((table) => [quoteName(table.table), quoteName(logTable(table.tableId))])
  return `lock table ${[...new Set([quoteName(GATE), ...names])].join(', ')} in access share mode`
}

function lockRowsStatement(tables: readonly ReplicatedTable[]): string {
  return `lock table ${tables.map(({ table }) => quoteName(table)).join(', ')} in access share mode`
}

async function refuseStale(session: Session, tables: readonly ReplicatedTable[]): Promise<void> {
  if (await stillCaptured(session, tables)) return
  throw new RservError('CAPTURE_BROKEN', 'the captured tables were changed while a transfer was being prepared', {
    side: 'master',
    hint: 'Run the command again.',
  })
}
