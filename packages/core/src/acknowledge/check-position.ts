import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import type { Position } from '../shared/position.ts'
import { xmaxOf } from '../shared/position.ts'
import type { DatabaseNames } from '../shared/resync-command.ts'
import { resyncCommand } from '../shared/resync-command.ts'
import type { KnownServer } from './servers.ts'

/**
 * Is the slave's position one that this master gave it (cases 164 to 166)? Otherwise the master was restored to an
 * earlier time, or is another database, and going on would skip changes under re-used transaction ids.
 * @throws RservError POSITION_UNKNOWN
 */
export async function checkPosition(
  session: Session,
  server: KnownServer | null,
  slave: { syncId: string | null; position: Position | null; database: string },
): Promise<void> {
  if (slave.syncId === null || slave.position === null) return
  const row = await session.row(
    `select $1::bigint > last_value or not is_called as future_id,
        $2::pg_catalog.xid8 > pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) as future_xid,
        (select coalesce(s.server_id = $3::integer, false) and s.position::text = $4 from rserv.sync s where s.sync_id = $1) as same
      from rserv.sync_id_seq`,
    [slave.syncId, xmaxOf(slave.position), server?.id ?? null, slave.position],
  )
  const names = { master: session.database, slave: slave.database }
  if (row?.['future_id'] === 't' || row?.['future_xid'] === 't') {
    throw unknown(`the slave is at sync id ${slave.syncId}, which this master has not given out yet`, names)
  }
  if (row?.['same'] === 'f') {
    throw unknown(`sync id ${slave.syncId} of the slave names another position on this master`, names)
  }
}

function unknown(message: string, names: DatabaseNames): RservError {
  return new RservError('POSITION_UNKNOWN', message, {
    side: 'master',
    hint:
      `The master was restored to an earlier time, or the slave was cloned (then add --clone). Copy its tables ` +
      `again: ${resyncCommand(names)}, then replicate.`,
  })
}
