import type { ClientConfig } from 'pg'
import { readPosition } from '../apply/slave-position.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'

/**
 * Commits on the slave. A connection that is cut meanwhile leaves the outcome unknown: the position is read again,
 * never guessed (case 152).
 * @throws RservError CONNECT when the outcome cannot be learnt, or the commit did not happen
 */
export async function commitTransfer(
  slave: Session,
  transfer: { config: ClientConfig; origin: string; token: string },
): Promise<void> {
  try {
    await slave.run('commit')
  } catch (error) {
    if (!(error instanceof RservError) || error.code !== 'CONNECT') throw error
    await using again = await openSession(transfer.config, 'slave')
    const { token } = await readPosition(again, transfer.origin)
    // Another position, later ones too: somebody else's.
    if (token !== transfer.token) throw error
  }
  slave.reach('apply.committed')
}
