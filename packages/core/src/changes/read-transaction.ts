import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import type { TransactionOptions } from '../database/transaction.ts'
import { begin } from '../database/transaction.ts'
import { logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import { RservError } from '../shared/errors.ts'
import { quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'

/** Of the transaction that a transfer is read in; waits so many milliseconds for a table that DDL or TRUNCATE locked. */
export const READ_OPTIONS: TransactionOptions = { isolation: 'repeatable read', lockTimeoutMs: 10_000 }

/**
 * Opens the transaction that a transfer is read in, and returns its position. The tables and their logs are locked
 * ACCESS SHARE before the snapshot is taken: TRUNCATE and rewriting ALTERs are not MVCC-safe (cases 36, 37).
 * The caller ends the transaction.
 * @throws RservError LOCK_TIMEOUT, CAPTURE_BROKEN when a table was removed or re-added meanwhile
 */
export async function openRead(session: Session, tables: readonly ReplicatedTable[]): Promise<Position> {
  await begin(session, READ_OPTIONS)
  await session.run(lockStatement(tables))
  const row = await session.row('select pg_catalog.pg_current_snapshot()::text as position')
  session.reach('changes.snapshot')
  await refuseStale(session, tables)
  return row?.['position'] ?? ''
}

/** The statement that locks the tables and their logs. */
export function lockStatement(tables: readonly ReplicatedTable[]): string {
  const names = tables.flatMap((table) => [quoteName(table.table), quoteName(logTable(table.tableId))])
  return `lock table ${[...new Set([...names, quoteName(TRUNCATE_LOG)])].join(', ')} in access share mode`
}

async function refuseStale(session: Session, tables: readonly ReplicatedTable[]): Promise<void> {
  const current = new Map((await listReplicated(session)).map((table) => [table.tableId, table.oid]))
  if (tables.every((table) => current.get(table.tableId) === table.oid)) return
  throw new RservError('CAPTURE_BROKEN', 'the captured tables were changed while a transfer was being prepared', {
    side: 'master',
    hint: 'Run the command again.',
  })
}
