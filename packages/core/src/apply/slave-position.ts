import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import type { Position } from '../shared/position.ts'

/** Where a slave is with respect to one master. */
export interface SlavePosition {
  /** Decimal text; null when nothing was applied yet. */
  readonly syncId: string | null
  readonly position: Position | null
  /** The name under which the master knows this slave. */
  readonly serverName: string | null
}

/** Makes sure that there is a row to lock. In a transaction of its own. */
export async function ensurePosition(session: Session, origin: string): Promise<void> {
  await inTransaction(session, () =>
    session.run('insert into rserv.slave_sync (origin) values ($1) on conflict do nothing', [origin]),
  )
}

/**
 * Locks the slave's position until the end of the transaction, so that only one replicator works for it (case 154).
 * @throws RservError BUSY
 */
export async function lockPosition(session: Session, origin: string): Promise<SlavePosition> {
  try {
    return toPosition(
      await session.row(
        `select sync_id, position::text as position, server_name from rserv.slave_sync where origin = $1 for update nowait`,
        [origin],
      ),
    )
  } catch (error) {
    if (codeOf(error) !== '55P03') throw error
    throw new RservError('BUSY', `a replicator is already running for slave ${session.database}`, {
      side: 'slave',
      sqlState: '55P03',
      hint: 'Wait for it, or find it in pg_stat_activity (application_name rserv).',
    })
  }
}

/** Reads the position without locking it. */
export async function readPosition(session: Session, origin: string): Promise<SlavePosition> {
  return toPosition(
    await session.row(
      'select sync_id, position::text as position, server_name from rserv.slave_sync where origin = $1',
      [origin],
    ),
  )
}

function toPosition(row: Record<string, string | null> | undefined): SlavePosition {
  return {
    syncId: row?.['sync_id'] ?? null,
    position: row?.['position'] ?? null,
    serverName: row?.['server_name'] ?? null,
  }
}

/** Writes the new position; the caller's transaction holds the rows too, and commits both. */
export async function writePosition(
  session: Session,
  origin: string,
  now: { syncId: string; position: Position; serverName: string },
): Promise<void> {
  await session.run(
    `update rserv.slave_sync set sync_id = $2, position = $3, server_name = $4, applied_at = pg_catalog.clock_timestamp()
      where origin = $1`,
    [origin, now.syncId, now.position, now.serverName],
  )
}
