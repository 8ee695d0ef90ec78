import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { begin } from '../database/transaction.ts'
import { logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import { RservError } from '../shared/errors.ts'
import { quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'

/** Milliseconds to wait for a table that DDL or TRUNCATE has locked. */
const LOCK_TIMEOUT_MS = 10_000

/**
 * Opens the transaction that a transfer is read in, and returns its position. The tables and their logs are locked
 * ACCESS SHARE before the snapshot is taken: TRUNCATE and rewriting ALTERs are not MVCC-safe (cases 36, 37).
 * The caller ends the transaction.
 * @throws RservError LOCK_TIMEOUT, CAPTURE_BROKEN when a table was removed or re-added meanwhile
 */
export async function openRead(session: Session, tables: readonly ReplicatedTable[]): Promise<Position> {
  await begin(session, { isolation: 'repeatable read', lockTimeoutMs: LOCK_TIMEOUT_MS })
  const names = tables.flatMap((table) => [quoteName(table.table), quoteName(logTable(table.tableId))])
  const locked = [...new Set([...names, quoteName(TRUNCATE_LOG)])].join(', ')
  await session.run(`lock table ${locked} in access share mode`)
  const row = await session.row('select pg_catalog.pg_current_snapshot()::text as position')
  session.reach('changes.snapshot')
  await refuseStale(session, tables)
  return row?.['position'] ?? ''
}

async function refuseStale(session: Session, tables: readonly ReplicatedTable[]): Promise<void> {
  const current = new Map((await listReplicated(session)).map((table) => [table.tableId, table.oid]))
  if (tables.every((table) => current.get(table.tableId) === table.oid)) return
  throw new RservError('CAPTURE_BROKEN', 'the captured tables were changed while a transfer was being prepared', {
    side: 'master',
    hint: 'Run the command again.',
  })
}
