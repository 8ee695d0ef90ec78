import type { ClientConfig } from 'pg'
import { readPosition } from '../apply/slave-position.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'

/**
 * Commits a transfer on the slave.
 * @throws RservError CONNECT when the outcome cannot be learnt, or the commit did not happen
 */
export async function commitTransfer(
  slave: Session,
  transfer: { config: ClientConfig; origin: string; token: string },
): Promise<void> {
  // Another position, later ones too, is somebody else's.
  const landed = async (again: Session): Promise<boolean> =>
    (await readPosition(again, transfer.origin)).token === transfer.token
  await commitKnowingly(slave, transfer.config, landed)
  slave.reach('apply.committed')
}

/**
 * Commits on the slave. A connection that is cut meanwhile leaves the outcome unknown: it is read, never guessed
 * (case 152).
 * @param landed is it there?
 * @throws RservError CONNECT when the outcome cannot be learnt, or the commit did not happen
 */
export async function commitKnowingly(
  slave: Session,
  config: ClientConfig,
  landed: (again: Session) => Promise<boolean>,
): Promise<void> {
  try {
    await slave.run('commit')
  } catch (error) {
    if (!(error instanceof RservError) || error.code !== 'CONNECT') throw error
    await using again = await openSession(config, 'slave')
    if (!(await landed(again))) throw error
  }
}
