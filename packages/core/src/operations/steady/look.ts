import { confirmStatements } from '../../acknowledge/confirm.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { ACTIVE } from '../../changes/active-tables.ts'
import { countUpTo } from '../../changes/changed-tables.ts'
import { lockStatement, READ_OPTIONS } from '../../changes/read-transaction.ts'
import { waitingFor } from '../../ddl/script.ts'
import { LOGS_BY_INDEX } from '../../log/by-index.ts'
import { beginStatements, rollback } from '../../database/transaction.ts'
import { quoteLiteral } from '../../shared/names.ts'
import type { Position } from '../../shared/position.ts'
import type { Held } from '../../transfer/lineage.ts'
import { LINEAGE } from '../../transfer/lineage.ts'
import type { Link } from '../link.ts'
import { withGenericPlans } from './generic-plans.ts'
import type { Known } from './known.ts'
import { masterVersion } from './known.ts'

/** Most log rows of one table that a quick transfer takes. */
const FEW_LOG_ROWS = 2000

export interface Look {
  /** Of the transaction that the master's session is in now. */
  readonly position: Position
  readonly changed: readonly ReplicatedTable[]
  /** Log rows of each of these, by table id. */
  readonly logRows: ReadonlyMap<number, number>
  /** What the master holds of others, where it is a slave itself. */
  readonly lineage: readonly Held[]
}

/**
 * Begins the read transaction, as `openChanges` does, and asks in the same message for all that may have changed.
 * @param unconfirmed sync id to be confirmed before
 * @returns null where it is not for a quick transfer
 */
export async function look(
  { master }: Pick<Link, 'master'>,
  known: Known,
  unconfirmed: string | undefined,
): Promise<Look | null> {
  const { plan, position } = known
  const hot = plan.tables.filter(({ tableId }) => known.hot.has(tableId))
  const answers = await master.batch([
    ...(unconfirmed === undefined ? [] : confirmStatements(unconfirmed)),
    ...beginStatements(master, READ_OPTIONS),
    lockStatement(hot),
    ...withGenericPlans(known, facts(known, hot.length < plan.tables.length)),
    LOGS_BY_INDEX,
    ...countUpTo(
      FEW_LOG_ROWS + 1,
      hot.map(({ tableId }) => tableId),
      position.position,
    ),
  ])
  if (unconfirmed !== undefined) master.reach('acknowledge.confirmed')
  master.reach('changes.snapshot')
  const [seen, ...counts] = answers.flat()
  if (seen?.['version'] !== known.masterVersion || seen['known'] !== 't') return null
  if (warmsUp(known, seen['active'] ?? '[]')) {
    await rollback(master)
    return look({ master }, known, undefined)
  }
  if (counts.some((row) => row['truncated'] === 't' || Number(row['log_rows']) > FEW_LOG_ROWS)) return null
  const logged = counts.filter((row) => row['log_rows'] !== '0')
  const logRows = new Map(logged.map((row) => [Number(row['table_id']), Number(row['log_rows'])]))
  return {
    position: seen['position'] ?? '',
    changed: hot.filter(({ tableId }) => logRows.has(tableId)),
    logRows,
    lineage: JSON.parse(seen['lineage'] ?? '[]') as Held[],
  }
}

/** @param cold are there tables that are not looked at, and may have become active? */
function facts({ plan, server, position, ran }: Known, cold: boolean): string {
  const ids = plan.tables.map(({ tableId }) => tableId)
  return `select pg_current_snapshot()::text as position, ${masterVersion(ids)} as version,
    exists (select from rserv.server where server_id = ${server.id} and detached_at is null and node_id::text = ${quoteLiteral(server.nodeId ?? '')})
      and not exists (select from rserv.ddl where ${waitingFor({ position: position.position, lastScript: '0', ran })}) as known,
    ${LINEAGE}::text as lineage,
    ${cold ? `(select coalesce(json_agg(table_id), '[]') from (${ACTIVE}) as active)::text` : `'[]'`} as active`
}

/** Were tables active that were not locked? They are from now on. */
function warmsUp({ plan, hot }: Known, active: string): boolean {
  const ids = new Set(JSON.parse(active) as number[])
  const missed = plan.tables.filter(({ tableId }) => ids.has(tableId) && !hot.has(tableId))
  for (const { tableId } of missed) hot.add(tableId)
  return missed.length > 0
}
