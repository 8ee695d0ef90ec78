import { quoteLiteral } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'

/*
 * Logs hold transaction ids as bigint: there are no operators of BRIN for xid8. The functions of the same family as
 * txid_current are the ones that take and give bigint; what they say of it is the same.
 */

/** A transaction id as a log has it. */
export function xidLiteral(xid: string | bigint): string {
  return `${quoteLiteral(String(xid))}::pg_catalog.int8`
}

/** The condition that the position has seen a log row's transaction. */
export function seenIn(position: Position): string {
  return `pg_catalog.txid_visible_in_snapshot(xid, ${quoteLiteral(position)}::pg_catalog.txid_snapshot)`
}
