import type { Row, Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import type { Position } from '../shared/position.ts'
import { xmaxOf } from '../shared/position.ts'
import type { DatabaseNames } from '../shared/resync-command.ts'
import { resyncCommand, shellWord } from '../shared/resync-command.ts'
import type { KnownServer } from './servers.ts'

/** The position that a slave says it is at. */
interface Given {
  readonly syncId: string | null
  readonly position: Position | null
  readonly token: string | null
  readonly database: string
}

/**
 * Is the slave's position one that this master gave it (cases 164 to 166)? Otherwise the master was restored to an
 * earlier time, or is another database, and going on would skip changes under re-used transaction ids. Sync ids and
 * transaction ids are given out again after a restore, tokens never.
 * @throws RservError POSITION_UNKNOWN, LOG_GAP
 */
export async function checkPosition(session: Session, server: KnownServer | null, slave: Given): Promise<void> {
  if (slave.syncId === null || slave.position === null) return
  const row = await session.row(
    `select $1::bigint > last_value or not is_called as future_id,
        $2::pg_catalog.xid8 > pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) as future_xid,
        exists (select from rserv.sync s where s.sync_id = $1) as known,
        exists (select from rserv.sync s where s.sync_id = $1 and s.server_id = $3::integer and s.position::text = $4
          and s.token = $5::uuid) as same,
        exists (select from rserv.given g where g.token = $5::uuid) as handed_over
      from rserv.sync_id_seq`,
    [slave.syncId, xmaxOf(slave.position), server?.id ?? null, slave.position, slave.token],
  )
  if (row) refuse(row, { ...slave, syncId: slave.syncId, confirmed: server?.syncId ?? null, master: session.database })
}

interface Asked extends Given {
  readonly syncId: string
  /** Last sync id that the slave confirmed; decimal text. */
  readonly confirmed: string | null
  readonly master: string
}

function refuse(facts: Row, { syncId, confirmed, master, database }: Asked): void {
  const names = { master, slave: database }
  if (facts['same'] === 'f' && facts['handed_over'] === 't') throw handedOver(names)
  if (facts['future_id'] === 't' || facts['future_xid'] === 't') {
    throw unknown(`the slave is at sync id ${syncId}, which this master has not given out yet`, names)
  }
  if (facts['known'] === 'f') {
    if (BigInt(syncId) < BigInt(confirmed ?? 0)) throw forgotten(syncId, names)
    throw unknown(`sync id ${syncId} of the slave is not on record on this master`, names)
  }
  if (facts['same'] === 'f') {
    throw unknown(`sync id ${syncId} of the slave names another moment on this master`, names)
  }
}

/** Positions are forgotten with the log that could serve them. */
function forgotten(syncId: string, names: DatabaseNames): RservError {
  return new RservError('LOG_GAP', `the log no longer covers the slave's position, sync id ${syncId}`, {
    side: 'master',
    hint: `It was cleaned beyond it (was the slave restored from a backup?). Copy its tables again: ${resyncCommand(names)}, then replicate.`,
  })
}

/** It was given by this node, which has become another one's slave since and left its own slaves to that. */
function handedOver({ master, slave }: DatabaseNames): RservError {
  const [here, there] = [shellWord(master), shellWord(slave)]
  return new RservError('POSITION_UNKNOWN', `${master} was replaced as the master, and feeds ${slave} no more`, {
    side: 'master',
    hint:
      `Let the slave follow the new master, without a copy: rserv repoint NEW_MASTER ${there}. Or ${master}, as a slave ` +
      `that feeds others: rserv repoint ${here} ${there}`,
  })
}

function unknown(message: string, names: DatabaseNames): RservError {
  return new RservError('POSITION_UNKNOWN', message, {
    side: 'master',
    hint:
      `The master or the slave was restored to an earlier time, a standby that lacked something took the master's place, or ` +
      `the slave was cloned (then add --clone). Copy its tables again: ${resyncCommand(names)}, then replicate. A slave that keeps a log need not be copied: ` +
      `rserv repoint ${shellWord(names.master)} ${shellWord(names.slave)}`,
  })
}
