import { after } from '../changes/window.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'
import { ofTable } from '../shared/of-table.ts'
import type { Position } from '../shared/position.ts'
import { pipeCopy } from '../verify/pipe-copy.ts'
import type { Sides } from './common-state.ts'
import type { SharedTable } from './shared-tables.ts'

/**
 * Writes the keys that changed on the target since `since` into the source's log, as if they had changed there: the next
 * transfer brings their state, of whatever the source has. In the source's transaction; the caller commits.
 * @returns keys handed over; null: any key may have changed (TRUNCATE), so the table has to be copied
 */
export async function handOver(
  { source, target }: Pick<Sides, 'source' | 'target'>,
  { source: there, target: here }: SharedTable,
  since: Position,
): Promise<number | null> {
  if (!here) return 0
  const unknown = await target.row(
    `select exists (select from rserv.truncate_log where table_id = ${here.tableId} and ${after(since)})
      or exists (select from ${quoteName(logTable(here.tableId))} l where ${after(since)} and not (l is not null)) as any`,
  )
  if (unknown?.['any'] === 't') return null
  const xid = await source.row('select pg_catalog.pg_current_xact_id()::text as xid')
  const columns = there.keyColumns.map((name) => logColumn(here.keyColumns.indexOf(name)))
  const query = `select distinct ${quoteLiteral(xid?.['xid'] ?? '')}::text, ${columns.join(', ')}
    from ${quoteName(logTable(here.tableId))} where ${after(since)}`
  const log = quoteName(logTable(there.tableId, there.generation))
  const into = `${log} (xid, ${there.keyColumns.map((_, index) => logColumn(index)).join(', ')})`
  return ofTable(there.table, () => pipeCopy({ session: target, query }, { session: source, into }))
}
