import type { ClientConfig } from 'pg'
import { listServers } from '../acknowledge/servers.ts'
import { listSlaveTables } from '../apply/slave-tables.ts'
import type { BackendResolver } from '../capture/contract.ts'
import type { Node } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { tellBehind } from '../operations/behind.ts'
import { cleanTables, listActive } from '../operations/clean-log.ts'
import { connect } from '../operations/link.ts'
import type { CommonOptions } from '../shared/events.ts'
import { sameName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { meet } from '../shared/position.ts'

/**
 * Removes from a slave's own log what none of its master's slaves could need, would this one become their master: all
 * that changed before it held the position that the last of them has confirmed.
 * @returns log rows removed; 0 where the slave keeps no log
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function cleanKeptLog(
  master: ClientConfig,
  slave: ClientConfig,
  options: CommonOptions & { backends: BackendResolver },
): Promise<{ rows: number }> {
  await using masterSession = await openSession(master, 'master', options)
  await using slaveSession = await openSession(slave, 'slave', options)
  const link = await connect(masterSession, slaveSession)
  const { node, slaveNode } = link
  if (!slaveNode.keepsLog) return { rows: 0 }
  await tellBehind(link)
  const floor = await inTransaction(masterSession, () => leastConfirmed(masterSession))
  const entry = floor && (await inTransaction(slaveSession, () => heldAt(slaveSession, node, floor)))
  if (!entry) return { rows: 0 }
  const tables = await inTransaction(slaveSession, async () => {
    const own = (await listSlaveTables(slaveSession)).filter(({ origin }) => origin === node.nodeId)
    const active = await listActive(slaveSession)
    return active.filter(({ table }) => own.some((other) => sameName(other.table, table)))
  })
  const limit = { upTo: entry.ownPosition }
  const cleaned = await cleanTables(slaveSession, tables, { limit, backends: options.backends })
  // After the rows: an entry without its log would be a lie, a log without an entry is only of no use.
  await inTransaction(slaveSession, () =>
    slaveSession.run('delete from rserv.applied where origin = $1 and own_xid < $2::xid8', [node.nodeId, entry.ownXid]),
  )
  return { rows: cleaned.reduce((sum, { rows }) => sum + rows, 0) }
}

async function leastConfirmed(master: Session): Promise<Position | null> {
  const positions = (await listServers(master)).flatMap(({ position, behind }) => behind ?? position ?? [])
  const [first, ...others] = positions
  return first === undefined ? null : others.reduce(meet, first)
}

interface Entry {
  readonly ownXid: string
  readonly ownPosition: Position
}

/** The last moment at which the slave held nothing of the origin that `position` has not. */
async function heldAt(slave: Session, { nodeId }: Node, position: Position): Promise<Entry | null> {
  return slave.json<Entry | null>(
    `select json_build_object('ownXid', own_xid::text, 'ownPosition', own_position::text) from rserv.applied
      where origin = $1 and rserv.includes($2::pg_snapshot, position) order by own_xid desc limit 1`,
    [nodeId, position],
  )
}
