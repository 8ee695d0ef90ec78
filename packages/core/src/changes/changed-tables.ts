import type { Session } from '../database/session.ts'
import { logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import { quoteName } from '../shared/names.ts'
import type { TransferMode, Wanted } from './wanted.ts'
import { after } from './window.ts'

/** Tables asked about in one statement: planning grows with their number. */
const CHUNK = 100

export interface Changed {
  readonly mode: TransferMode
  /** Log rows to read; an upper bound of the distinct keys. */
  readonly logRows: number
}

/**
 * Tells for every wanted table whether it is to be copied, has changed keys, or nothing to do. A table that was
 * truncated is copied: its log names all rows that are there now, and the slave must lose all others.
 * As of the transaction's snapshot.
 */
export async function changedTables(session: Session, wanted: readonly Wanted[]): Promise<Map<number, Changed>> {
  const changed = new Map<number, Changed>()
  for (const table of wanted) changed.set(table.tableId, { mode: table.copy ? 'copy' : 'unchanged', logRows: 0 })
  const logged = wanted.filter((table) => !table.copy)
  for (let start = 0; start < logged.length; start += CHUNK) {
    const rows = await session.query(countStatement(logged.slice(start, start + CHUNK)))
    for (const row of rows) {
      const truncated = row['truncated'] === 't'
      const logRows = Number(row['log_rows'])
      const mode = truncated ? 'copy' : logRows > 0 ? 'changes' : 'unchanged'
      changed.set(Number(row['table_id']), { mode, logRows })
    }
  }
  return changed
}

function countStatement(tables: readonly Wanted[]): string {
  const parts = tables.map(
    ({ tableId, since }) => `select ${tableId} as table_id,
      exists (select from ${quoteName(TRUNCATE_LOG)} where table_id = ${tableId} and ${after(since)}) as truncated,
      (select count(*) from ${quoteName(logTable(tableId))} where ${after(since)}) as log_rows`,
  )
  return parts.join('\nunion all\n')
}

/** Is there anything to transfer? Stops at the first change found. */
export async function anythingChanged(session: Session, wanted: readonly Wanted[]): Promise<boolean> {
  if (wanted.some((table) => table.copy)) return true
  for (let start = 0; start < wanted.length; start += CHUNK) {
    const parts = wanted
      .slice(start, start + CHUNK)
      .flatMap(({ tableId, since }) => [
        `exists (select from ${quoteName(logTable(tableId))} where ${after(since)})`,
        `exists (select from ${quoteName(TRUNCATE_LOG)} where table_id = ${tableId} and ${after(since)})`,
      ])
    const row = await session.row(`select ${parts.join('\n or ')} as changed`)
    if (row?.['changed'] === 't') return true
  }
  return false
}
