import type { BackendResolver } from '../capture/contract.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import type { LockRetry } from '../database/transaction.ts'
import { withLockRetry } from '../database/transaction.ts'
import { installTable, prepareTable } from './install-table.ts'
import { dropCapture } from './master-remove-tables.ts'

/**
 * Captures a table anew, by the same key and backend, with an empty log: in one transaction, so that the application
 * never writes it uncaptured in between. Every slave has to copy it again.
 * @throws RservError LOCK_TIMEOUT, NO_SUCH_TABLE, NO_SUCH_COLUMN, NO_KEY, UNSUPPORTED_TABLE, ROW_SECURITY, BACKEND
 */
export async function recapture(
  session: Session,
  table: ReplicatedTable,
  options: LockRetry & { backends: BackendResolver },
): Promise<void> {
  const backend = await options.backends(table.backend)
  // Statement granularity is what a table gets that can have it; one that inherits now cannot.
  const granularity = table.granularity === 'row' ? table.granularity : undefined
  await withLockRetry(session, options, async () => {
    await session.query(`select pg_advisory_xact_lock(hashtextextended('rserv.add-table', 0))`)
    await dropCapture(session, table, backend)
    const wishes = { keyColumns: [...table.keyColumns], granularity }
    await installTable(session, await prepareTable(session, table.table, backend, wishes), backend)
  })
}
