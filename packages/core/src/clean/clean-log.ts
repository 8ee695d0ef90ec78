import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { includes, join, xmaxOf } from '../shared/position.ts'

/** The condition on a log row's `xid` that everybody at or beyond `limit` has seen it. */
function seenBy(limit: Position): string {
  return `xid < ${quoteLiteral(xmaxOf(limit))}::pg_catalog.xid8
    and pg_catalog.pg_visible_in_snapshot(xid, ${quoteLiteral(limit)}::pg_catalog.pg_snapshot)`
}

/**
 * Removes the log rows that `limit` has seen and moves the start of the table's log, in one transaction: the caller's.
 * @returns rows removed
 */
export async function cleanTable(session: Session, table: ReplicatedTable, limit: Position): Promise<number> {
  const log = quoteName(logTable(table.tableId))
  const rows = await session.run(`delete from ${log} where ${seenBy(limit)}`)
  const truncates = await session.run(
    `delete from ${quoteName(TRUNCATE_LOG)} where table_id = ${table.tableId} and ${seenBy(limit)}`,
  )
  if (rows + truncates > 0) await moveLogStart(session, table, limit)
  return rows + truncates
}

/** Are there log rows that `upTo` has seen and `position` has not? */
export async function holdsRows(
  session: Session,
  tables: readonly ReplicatedTable[],
  { upTo, position }: { upTo: Position; position: Position },
): Promise<boolean> {
  if (includes(position, upTo)) return false
  for (const { tableId } of tables) {
    const row = await session.row(
      `select exists (select from ${quoteName(logTable(tableId))} where ${seenBy(upTo)}
        and not pg_catalog.pg_visible_in_snapshot(xid, $1)) as held`,
      [position],
    )
    if (row?.['held'] === 't') return true
  }
  return false
}

/** Positions that have not seen all of `limit` cannot be served from this log any more. */
async function moveLogStart(session: Session, table: ReplicatedTable, limit: Position): Promise<void> {
  await session.run('update rserv.replicated_table set log_start = $2 where table_id = $1', [
    table.tableId,
    join(table.logStart, limit),
  ])
}
