import { pipeline } from 'node:stream/promises'
import { sqlError } from '../database/server-errors.ts'
import type { Session } from '../database/session.ts'
import type { Side } from '../shared/errors.ts'

/**
 * Sends the rows of a query on one session into a COPY … FROM STDIN on another.
 * @returns rows sent
 */
export async function pipeCopy(
  from: { session: Session; query: string },
  to: { session: Session; into: string },
): Promise<number> {
  const source = from.session.copyOut(`copy (${from.query}) to stdout`)
  const target = to.session.copyIn(`copy ${to.into} from stdin`)
  // A pipeline hands an error on to all of its streams: the first one to have it is where it comes from.
  let side: Side | undefined
  source.once('error', () => (side ??= from.session.side))
  target.once('error', () => (side ??= to.session.side))
  try {
    await pipeline(source, target)
  } catch (error) {
    throw sqlError(error, side ?? to.session.side)
  }
  return target.rowCount
}
