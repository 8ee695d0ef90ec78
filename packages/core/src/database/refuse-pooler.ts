import type { ClientConfig } from 'pg'
import { RservError } from '../shared/errors.ts'
import type { Session } from './session.ts'
import { openSession } from './session.ts'

/** Looks at which process answers, on two connections by turns. */
const LOOKS = 4
/** Milliseconds that a second connection may take: where it gets no process, ours is not given to it. */
const PATIENCE_MS = 5000

/**
 * A pooler in transaction mode gives the next transaction to another process of the server, and this one to somebody
 * else: what the session holds between transactions is held by whoever comes by (case 125). Such a pooler is told by one
 * process that answers on two connections, or two that answer on one. One in session mode is as good as none.
 * @throws RservError POOLER
 */
export async function refusePooler(session: Session, config: ClientConfig): Promise<void> {
  const own = await processOf(session)
  // A pooler tells its clients a number of its own.
  if (String((session.client as { processID?: number }).processID) === own) return
  if (!(await isShared(session, own, config))) return
  throw new RservError('POOLER', `database ${session.database} is reached through a pooler in transaction mode`, {
    side: session.side,
    hint:
      'Whoever follows a slave holds it by a lock of the session, which such a pooler hands to others. Give the address of ' +
      'the server itself, or of a pool in session mode; or run rserv replicate from cron, which works through it.',
  })
}

async function isShared(session: Session, own: string, config: ClientConfig): Promise<boolean> {
  try {
    await using other = await openSession({ ...config, query_timeout: PATIENCE_MS }, session.side)
    for (let look = 0; look < LOOKS; look++) {
      const there = await processOf(other)
      const here = await processOf(session)
      if (there === here || here !== own) return true
    }
    return false
  } catch (error) {
    if (error instanceof RservError) return false
    throw error
  }
}

async function processOf(session: Session): Promise<string> {
  const row = await session.row('select pg_catalog.pg_backend_pid() as pid')
  return row?.['pid'] ?? ''
}
