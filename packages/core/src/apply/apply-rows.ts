import type { Session } from '../database/session.ts'
import { withOwnSearchPath } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { RowsOfTable } from '../transfer/rows-of-table.ts'
import type { TransferSection } from '../transfer/transfer.ts'
import { ReplicaWriter } from './as-replica.ts'
import { binaryFits } from './binary.ts'
import { becomeReplica } from './replica-role.ts'
import type { TableResult } from './results.ts'
import { matchTarget } from './target-table.ts'

/**
 * Replaces all rows of one table, in the caller's transaction. Only for a role that may set session_replication_role:
 * other tables are at other positions meanwhile, and foreign keys between them do not hold.
 * @param watch told of every piece that arrives, and what holds it back
 * @throws RservError PRIVILEGE, and what `matchTarget` throws
 */
export async function applyRows(
  session: Session,
  rows: RowsOfTable,
  watch: Pick<TransferSection, 'onBytes' | 'flow'>,
): Promise<TableResult> {
  const target = await matchTarget(session, rows.table)
  session.reach('apply.matched')
  await session.run(`set local client_encoding = '${rows.encoding}'`)
  if (!(await becomeReplica(session))) throw notAllowed()
  const section = { ...rows.section(binaryFits(target)), ...watch }
  const writer = new ReplicaWriter(session)
  const result = await withOwnSearchPath(session, () => writer.apply(target, section))
  session.reach('apply.rows')
  if (!result) throw new TypeError('a copy has one section')
  return result
}

function notAllowed(): RservError {
  return new RservError('PRIVILEGE', 'the role may no longer set session_replication_role on the slave', {
    side: 'slave',
    hint: 'Run the command again: without it tables are copied together, in one transaction.',
  })
}
