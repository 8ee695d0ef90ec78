import type { KnownServer } from '../acknowledge/servers.ts'
import { addServer, bindServer, findServer } from '../acknowledge/servers.ts'
import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'

export interface SlaveIdentity {
  readonly nodeId: string
  readonly database: string
}

/**
 * The master's record of a slave: by the database's identity, or by the name under which it was fed with files and has
 * not been seen yet. Inside a transaction.
 */
export async function findSlave(
  session: Session,
  nodeId: string,
  { serverName }: { serverName: string | null },
): Promise<KnownServer | null> {
  const byNode = await findServer(session, { nodeId })
  if (byNode || serverName === null) return byNode
  const byName = await findServer(session, { name: serverName })
  return byName?.nodeId === null ? byName : null
}

/**
 * Makes the master's record of a slave database at its first transfer: under the wanted name, else the database's
 * name, with a part of its identity where that is taken.
 * @throws RservError BAD_ARGUMENT when the name belongs to another slave
 */
export async function registerSlave(
  session: Session,
  slave: SlaveIdentity,
  { known, wanted }: { known: KnownServer | null; wanted: string | undefined },
): Promise<KnownServer> {
  if (known?.nodeId === slave.nodeId) return known
  return inTransaction(session, async () => {
    await session.run('lock table rserv.server in share row exclusive mode')
    const other = await findServer(session, { name: known?.name ?? wanted ?? slave.database })
    if (other && (known || wanted !== undefined)) await claim(session, other, slave)
    else await addServer(session, freeName(slave, other, wanted), slave.nodeId)
    return required(await findServer(session, { nodeId: slave.nodeId }))
  })
}

function freeName(slave: SlaveIdentity, other: KnownServer | null, wanted: string | undefined): string {
  return other ? `${slave.database}-${slave.nodeId.slice(0, 8)}` : (wanted ?? slave.database)
}

async function claim(session: Session, server: KnownServer, slave: SlaveIdentity): Promise<void> {
  if (server.nodeId !== null) {
    throw new RservError('BAD_ARGUMENT', `the master knows another slave by the name ${server.name}`, {
      side: 'master',
      hint: 'Choose another --server name, or leave it out.',
    })
  }
  await bindServer(session, server.id, slave.nodeId)
}

/** The record of a server that may have been seen only by name: for snapshot files. */
export async function registerByName(session: Session, name: string): Promise<KnownServer> {
  return inTransaction(session, async () => {
    await session.run('lock table rserv.server in share row exclusive mode')
    const known = await findServer(session, { name })
    if (known) return known
    await addServer(session, name, null)
    return required(await findServer(session, { name }))
  })
}

function required(server: KnownServer | null): KnownServer {
  if (!server) throw new RservError('SQL', 'the registration of the slave vanished', { side: 'master' })
  return server
}
