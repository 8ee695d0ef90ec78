import type { Session } from '../database/session.ts'
import type { Wanted } from './wanted.ts'

/** SQL of the ids of tables whose log holds anything, one row each. */
export const ACTIVE = 'select rserv.filled_logs() as table_id union select t.table_id from rserv.truncate_log t'

/**
 * The wanted tables of which anything may have to be read: those to be copied, and those whose log holds anything. All
 * others are passed over without being opened, which a thousand idle tables would make dear
 * (docs/decisions/0009-idle-tables.md). A log that holds nothing now held nothing in any older snapshot either, while
 * its session has locked the gate.
 */
export async function activeTables(session: Session, wanted: readonly Wanted[]): Promise<ReadonlySet<number>> {
  const rows = await session.query(ACTIVE)
  const filled = new Set(rows.map((row) => Number(row['table_id'])))
  return new Set(wanted.flatMap(({ tableId, copy }) => (copy || filled.has(tableId) ? [tableId] : [])))
}
