import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { byIndex } from '../log/by-index.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import { quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { after } from './window.ts'

/** Distinct keys in the log after a position, as of the transaction's snapshot. */
export async function countKeys(session: Session, table: ReplicatedTable, since: Position): Promise<number> {
  const columns = table.keyColumns.map((_, index) => logColumn(index)).join(', ')
  const log = quoteName(logTable(table.tableId))
  const keys = `select ${columns} from ${log} where ${after(since)} group by ${columns}`
  const [row] = await byIndex(session, `select count(*) as keys from (${keys}) k`)
  return Number(row?.['keys'])
}
