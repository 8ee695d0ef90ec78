import { confirmStatements } from '../../acknowledge/confirm.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { countUpTo } from '../../changes/changed-tables.ts'
import { lockStatement, READ_OPTIONS } from '../../changes/read-transaction.ts'
import { beginStatements } from '../../database/transaction.ts'
import { quoteLiteral } from '../../shared/names.ts'
import type { Position } from '../../shared/position.ts'
import type { Link } from '../link.ts'
import type { Known } from './known.ts'
import { masterVersion } from './known.ts'

/** Most log rows of one table that a quick transfer takes. */
const FEW_LOG_ROWS = 2000

export interface Look {
  /** Of the transaction that the master's session is in now. */
  readonly position: Position
  readonly changed: readonly ReplicatedTable[]
}

/**
 * Begins the read transaction, as `openRead` does, and asks in the same message for all that may have changed.
 * @param unconfirmed sync id to be confirmed before
 * @returns null where it is not for a quick transfer
 */
export async function look({ master }: Link, known: Known, unconfirmed: string | undefined): Promise<Look | null> {
  const { plan, server, position } = known
  const ids = plan.tables.map(({ tableId }) => tableId)
  const answers = await master.batch([
    ...(unconfirmed === undefined ? [] : confirmStatements(unconfirmed)),
    ...beginStatements(master, READ_OPTIONS),
    lockStatement(plan.tables),
    `select pg_current_snapshot()::text as position, ${masterVersion(ids)} as version, exists (select from rserv.server
      where server_id = ${server.id} and node_id::text = ${quoteLiteral(server.nodeId ?? '')}) as known`,
    ...countUpTo(FEW_LOG_ROWS + 1, ids, position.position),
  ])
  if (unconfirmed !== undefined) master.reach('acknowledge.confirmed')
  master.reach('changes.snapshot')
  const [facts, ...counts] = answers.flat()
  if (facts?.['version'] !== known.masterVersion || facts['known'] !== 't') return null
  if (counts.some((row) => row['truncated'] === 't' || Number(row['log_rows']) > FEW_LOG_ROWS)) return null
  const changed = new Set(counts.filter((row) => row['log_rows'] !== '0').map((row) => Number(row['table_id'])))
  return { position: facts['position'] ?? '', changed: plan.tables.filter(({ tableId }) => changed.has(tableId)) }
}
