import { lockBetweenTransfers } from '../apply/slave-position.ts'
import { addServer, findServer } from '../acknowledge/servers.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { listReigns, learnReigns } from '../operations/reigns.ts'
import { RservError } from '../shared/errors.ts'
import type { Reign } from '../transfer/lineage.ts'
import { writeSync } from './adopt.ts'
import { openTables } from './fence.ts'

export interface TakenOver {
  /** uuid of the first master. */
  readonly cluster: string
  readonly generation: number
  /** uuid of the master that was replaced. */
  readonly oldMaster: string
}

/**
 * Makes a slave the master of the tables that it takes, in the caller's transaction: it can be written, is of the next
 * generation, and is no slave any more. Its log is kept for those that were fed as it was, until they have come back.
 * @param known reigns that other nodes know: this one is later than all of them
 * @throws RservError NOT_READY, BUSY
 */
export async function takeOver(session: Session, known: readonly Reign[] = []): Promise<TakenOver> {
  const node = await requireRole(session, 'slave')
  const origin = await followed(session)
  await lockBetweenTransfers(session, origin)
  const reign = await reignOf(session, origin)
  const others = known.filter(({ cluster }) => cluster === reign.cluster)
  const generation = Math.max(reign.generation, ...others.map((one) => one.generation)) + 1
  for (const one of others) await learnReigns(session, [one])
  await learnReigns(session, [{ cluster: reign.cluster, generation, master: node.nodeId }])
  await session.run('delete from rserv.slave_table where origin = $1', [origin])
  await session.run(
    `update rserv.node set is_master = true, cluster = $1, is_slave = exists (select from rserv.slave_table)`,
    [reign.cluster],
  )
  await holdLogFor(session, reign.master, origin)
  await openTables(session)
  await session.run('delete from rserv.handover')
  return { cluster: reign.cluster, generation, oldMaster: reign.master }
}

/** The node whose tables this slave takes. */
async function followed(session: Session): Promise<string> {
  const origins = await session.query('select distinct origin from rserv.slave_table where origin is not null')
  const [only] = origins
  if (origins.length === 1 && only?.['origin']) return only['origin']
  throw new RservError(
    'NOT_READY',
    origins.length === 0
      ? `slave ${session.database} has not been filled yet`
      : `slave ${session.database} takes tables from several masters`,
    { side: 'slave', hint: 'Promote a slave that holds the tables of one master.' },
  )
}

/** Of the master at the head of those that the slave is fed by. */
async function reignOf(session: Session, origin: string): Promise<Reign> {
  const reigns = await listReigns(session)
  const held = await session.query('select origin from rserv.slave_sync where origin = $1 or via = $1', [origin])
  const heads = new Set(held.map((row) => row['origin']))
  const reign = reigns.find(({ master }) => heads.has(master))
  return reign ?? { cluster: origin, generation: 1, master: origin }
}

/** The replaced master will want what changed since any state of it that this node held. */
async function holdLogFor(session: Session, master: string, origin: string): Promise<void> {
  const row = await session.row(
    'select own_position::text as position from rserv.applied where origin in ($1, $2) order by own_xid limit 1',
    [master, origin],
  )
  if (row?.['position'] == null) return
  if (!(await findServer(session, { nodeId: master }))) {
    await addServer(session, `former-master-${master.slice(0, 8)}`, master)
  }
  const server = await findServer(session, { nodeId: master })
  if (server) await writeSync(session, server, { position: row['position'], ids: [] })
}
