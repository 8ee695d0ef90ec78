import type { Session } from '../database/session.ts'
import type { Position } from '../shared/position.ts'

/** So many transaction ids after a position are looked at one by one. */
const NEAR = 100

/**
 * Every change needs a transaction id, so where none was used since the position but by transfers and confirmations,
 * nothing has changed, whatever the number of tables. A transfer's id is known by the row that it left; those of rows from
 * before the position are not asked, which could be equal to it modulo 2^32. Other transactions of rserv's leave their ids.
 */
const QUIET = `with moments as (select $1::pg_catalog.pg_snapshot as was, pg_catalog.pg_current_snapshot() as now),
    range as (select was, now, pg_snapshot_xmin(was)::text::bigint as first, pg_snapshot_xmax(now)::text::bigint as next from moments)
  select next - first <= ${NEAR} and not exists (
    select from generate_series(first, least(next, first + ${NEAR}) - 1) as id
    where not pg_visible_in_snapshot(id::text::xid8, was) and pg_visible_in_snapshot(id::text::xid8, now)
      and not exists (select from rserv.sync s where s.sync_id >= $2 and s.xmin::text::bigint = id % 4294967296)
      and not exists (select from rserv.server v where id::text::xid8 in (v.confirmed_xid, v.noted_xid))) as quiet
  from range`

/**
 * Has nobody but rserv's transfers written anything on the server since the position? False also where that cannot be
 * told quickly. Inside a transaction.
 * @param syncId of the position
 */
export async function nobodyWroteSince(session: Session, position: Position, syncId: string): Promise<boolean> {
  const row = await session.row(QUIET, [position, syncId])
  return row?.['quiet'] === 't'
}
