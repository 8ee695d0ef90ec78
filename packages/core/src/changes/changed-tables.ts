import type { Session } from '../database/session.ts'
import { byIndex } from '../log/by-index.ts'
import { logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import { quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { activeTables } from './active-tables.ts'
import type { TransferMode, Wanted } from './wanted.ts'
import { after } from './window.ts'

/** Tables asked about in one statement: planning grows with their number. */
const CHUNK = 100

export interface Changed {
  readonly mode: TransferMode
  /** Log rows to read, an upper bound of the distinct keys; where counting stops early, at least that many. */
  readonly logRows: number
}

/**
 * Tells for every wanted table whether it is to be copied, has changed keys, or nothing to do. A table that was
 * truncated is copied: its log names all rows that are there now, and the slave must lose all others.
 * As of the transaction's snapshot. Counting stops where no more needs to be known to choose a plan, unless `exact`.
 * @param active of `activeTables`, in this transaction; default: it is asked
 */
export async function changedTables(
  session: Session,
  wanted: readonly Wanted[],
  { exact = false, active }: { exact?: boolean; active?: ReadonlySet<number> } = {},
): Promise<Map<number, Changed>> {
  const changed = new Map<number, Changed>()
  for (const table of wanted) changed.set(table.tableId, { mode: table.copy ? 'copy' : 'unchanged', logRows: 0 })
  const filled = active ?? (await activeTables(session, wanted))
  const logged = wanted.filter((table) => !table.copy && filled.has(table.tableId))
  for (const chunk of inChunks(logged)) {
    const rows = await byIndex(session, countStatement(chunk, exact ? () => '' : limitOf))
    for (const row of rows) {
      const truncated = row['truncated'] === 't'
      const logRows = Number(row['log_rows'])
      const mode = truncated ? 'copy' : logRows > 0 ? 'changes' : 'unchanged'
      changed.set(Number(row['table_id']), { mode, logRows })
    }
  }
  return changed
}

/**
 * Few keys are looked up one by one in the table's index; many are joined. A share of the table's rows: sorted keys find
 * 100,000 of 1,000,000 rows in 40 % of the time of a hash join.
 */
const FEW_SHARE = 0.4
const FEW_AT_LEAST = 1000

/** Are so many log rows few for a table of that size? An unknown size is the planner's to judge. */
export function areFew(logRows: number, estimatedRows: number): boolean {
  return estimatedRows > 0 && logRows < Math.max(FEW_AT_LEAST, estimatedRows * FEW_SHARE)
}

/** Counting as many as the table has rows costs little beside moving them. */
function limitOf(tableId: number): string {
  return `limit greatest(${FEW_AT_LEAST}, (select ceil(c.reltuples)
      from pg_catalog.pg_class c join rserv.replicated_table t on t.table_oid = c.oid where t.table_id = ${tableId}))`
}

function countStatement(tables: readonly Wanted[], limit: (tableId: number) => string): string {
  const parts = tables.map(
    ({ tableId, since }) => `select ${tableId} as table_id, ${tableId} in (select table_id from truncated) as truncated,
      (select count(*) from (select from ${quoteName(logTable(tableId))} where ${after(since)}
        ${limit(tableId)}) as log) as log_rows`,
  )
  return `with truncated as materialized (${truncatedTables(tables)})\n${parts.join('\nunion all\n')}`
}

/** Selects the `table_id` of those that were truncated; together, because planning grows with the number of questions. */
function truncatedTables(tables: readonly Wanted[]): string {
  const positions = [...new Set(tables.map(({ since }) => since))]
  const parts = positions.map((position) => {
    const ids = tables.flatMap(({ tableId, since }) => (since === position ? [tableId] : []))
    return `select table_id from ${quoteName(TRUNCATE_LOG)} where table_id in (${ids.join(', ')}) and ${after(position)}`
  })
  return parts.join(' union all ')
}

/** Statements whose rows say `table_id`, `truncated`, and `log_rows` up to a limit, to be sent together with others. */
export function countUpTo(limit: number, tableIds: readonly number[], since: Position): string[] {
  const tables = tableIds.map((tableId) => ({ tableId, copy: false, since }))
  return inChunks(tables).map((chunk) => countStatement(chunk, () => `limit ${limit}`))
}

function inChunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, index) =>
    items.slice(index * CHUNK, (index + 1) * CHUNK),
  )
}

/**
 * Is there anything to transfer? Stops at the first change found.
 * @param active of `activeTables`
 */
export async function anythingChanged(
  session: Session,
  wanted: readonly Wanted[],
  active: ReadonlySet<number>,
): Promise<boolean> {
  if (wanted.some((table) => table.copy)) return true
  for (const chunk of inChunks(wanted.filter(({ tableId }) => active.has(tableId)))) {
    const parts = chunk.flatMap(({ tableId, since }) => [
      `exists (select from ${quoteName(logTable(tableId))} where ${after(since)})`,
      `exists (select from ${quoteName(TRUNCATE_LOG)} where table_id = ${tableId} and ${after(since)})`,
    ])
    const [row] = await byIndex(session, `select ${parts.join('\n or ')} as changed`)
    if (row?.['changed'] === 't') return true
  }
  return false
}
