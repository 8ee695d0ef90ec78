import type { Session } from '../database/session.ts'

/** Log rows, of which more are not to be left without an index entry: as many as three pages hold. */
export const SUMMARIZE_FROM_ROWS = 500

/**
 * Makes the index entries of what was logged since, which no writer makes. Outside of a transaction. Where it cannot be done
 * now, because VACUUM is at the log or for whatever else, the next look reads more pages, and no more than that.
 */
export async function summarizeLogs(session: Session, tableIds: readonly number[]): Promise<void> {
  if (tableIds.length === 0) return
  const ids = `{${tableIds.join(',')}}`
  await session.query('select rserv.summarize_log(id) from unnest($1::integer[]) as id', [ids]).catch(() => undefined)
}

/** The same for the tables that a transfer took changes of. */
export function summarizeChanged(
  session: Session,
  tables: readonly { readonly tableId: number; readonly mode: string }[],
): Promise<void> {
  const changed = tables.filter(({ mode }) => mode !== 'unchanged')
  return summarizeLogs(
    session,
    changed.map(({ tableId }) => tableId),
  )
}
