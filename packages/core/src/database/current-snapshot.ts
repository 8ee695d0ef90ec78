import type { Session } from './session.ts'

/** The snapshot of a statement of its own: while it is the same nobody has committed, or begun to write, anything. */
export async function currentSnapshot(session: Session): Promise<string> {
  const row = await session.row('select pg_catalog.pg_current_snapshot()::text as now')
  return row?.['now'] ?? ''
}
