import type { ClientConfig } from 'pg'
import { findServer, listServers } from '../acknowledge/servers.ts'
import { requireSource } from '../database/node.ts'
import { dropKept } from '../ddl/keep-rows.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { forgetErrors } from '../record/last-error.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'

export interface ForgetSlaveResult {
  readonly server: string
  /** The last sync id that it confirmed, decimal text; null when it never did. */
  readonly syncId: string | null
}

/**
 * Forgets a slave that is gone for good: the log is kept for it no longer (case 185). Should it come back, it is refused
 * until it is resynced.
 * @param name as `status` shows it
 * @throws RservError BAD_ARGUMENT when the master knows no such slave; CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function forgetSlave(
  master: ClientConfig,
  name: string,
  options: CommonOptions = {},
): Promise<ForgetSlaveResult> {
  await using session = await openSession(master, 'master', options)
  return await inTransaction(session, async () => {
    await requireSource(session)
    const server = await findServer(session, { name })
    if (!server) {
      const known = (await listServers(session)).map((other) => other.name)
      throw new RservError('BAD_ARGUMENT', `the master knows no slave ${name}`, {
        side: 'master',
        hint: known.length > 0 ? `It knows: ${known.join(', ')}` : 'It knows none.',
      })
    }
    if (server.nodeId !== null) await forgetErrors(session, server.nodeId)
    await session.run('delete from rserv.server where server_id = $1', [server.id])
    await dropKept(session)
    return { server: server.name, syncId: server.syncId }
  })
}
