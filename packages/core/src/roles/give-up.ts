import type { ClientConfig } from 'pg'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { listReigns } from '../operations/reigns.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { shellWord } from '../shared/resync-command.ts'
import { unfence } from './fence.ts'
import { requireAnyRole } from './node-roles.ts'

/** The generation of the slave, where it has taken this master's place. */
export async function alreadyPromoted(master: Session, slave: Session): Promise<number | null> {
  const own = await inTransaction(slave, () => requireAnyRole(slave))
  const old = await inTransaction(master, () => requireAnyRole(master))
  if (!own.isMaster) return null
  const reigns = await inTransaction(slave, () => listReigns(slave))
  const known = await inTransaction(master, () => listReigns(master))
  const reign = reigns.find(({ master: head }) => head === own.nodeId)
  const before = known.find(({ cluster }) => cluster === reign?.cluster)
  const took = reign && before && before.generation < reign.generation && before.master === old.nodeId
  const completed = reign && before && before.generation === reign.generation && before.master === own.nodeId
  return took || completed ? reign.generation : null
}

/** Milliseconds that a promotion may take whose answer was lost. */
const PROMOTION_MS = 10_000

/** Waits for a promotion that is being committed by a connection which is gone: it has this row until it is done. */
export async function awaitPromotion(slave: Session): Promise<void> {
  const lock = (): Promise<number> => slave.run('select from rserv.node for update')
  await inTransaction(slave, lock, { lockTimeoutMs: PROMOTION_MS })
}

interface GivingUp extends Pick<CommonOptions, 'onEvent'> {
  readonly master: ClientConfig
  readonly slave: ClientConfig
}

/**
 * Opens the master again after a failure, unless the slave was promoted after all: the answer to its commit may have been lost,
 * or the commit still be under way. Over connections of its own: those of the switchover may be gone.
 * @throws RservError CONNECT where it cannot be seen: then the master stays as it is
 */
export async function giveUp({ master, slave, onEvent }: GivingUp, cause: unknown): Promise<void> {
  try {
    await using masterSession = await openSession(master, 'master', { onEvent })
    await using slaveSession = await openSession(slave, 'slave', { onEvent })
    await awaitPromotion(slaveSession)
    if ((await alreadyPromoted(masterSession, slaveSession)) !== null) return
    await unfence(masterSession)
    masterSession.reach('roles.unfenced')
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    const reason = cause instanceof Error ? cause.message : String(cause)
    const command = `rserv switchover ${[master, slave].map(({ database }) => shellWord(database ?? '')).join(' ')}`
    throw new RservError('CONNECT', `${reason}; and it cannot be undone now: ${error.message}`, {
      hint: `Writes on the master may be refused until both can be reached: then run it again, or give it up: ${command} --undo`,
      cause,
    })
  }
}
