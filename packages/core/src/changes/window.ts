import { seenIn, xidLiteral } from '../log/log-xid.ts'
import type { Position } from '../shared/position.ts'
import { xmaxOf, xminOf } from '../shared/position.ts'

/**
 * What this transaction can see was written by one below, or by itself: a row that says more is junk, and would be a change
 * after every position (case 71). Asked once a statement.
 */
const NEWEST = `(select greatest(pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot()),
    pg_catalog.txid_current_if_assigned()))`

/**
 * The condition on a log row's `xid` that makes it a change after `position`; null: all of the log. Together with a
 * repeatable read snapshot it selects exactly what happened between the two.
 */
export function after(position: Position | null): string {
  if (position === null) return 'true'
  const [xmin, xmax] = [xminOf(position), xmaxOf(position)].map(xidLiteral)
  if (xmin === xmax) return `xid >= ${xmin} and xid <= ${NEWEST}`
  // Most rows are beyond all of the position: the function is asked for those only that are not.
  return `xid >= ${xmin} and xid <= ${NEWEST} and (xid >= ${xmax} or not ${seenIn(position)})`
}
