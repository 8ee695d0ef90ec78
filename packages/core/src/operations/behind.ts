import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Link } from './link.ts'
import { tellMoved } from './moved-slaves.ts'

/**
 * Tells the master what the slaves behind this slave have of it, so that its log goes on to cover them: when this slave is
 * gone they want to be fed by the master itself (case 177); and both of slaves that moved from one to the other. Where it
 * fails the next one does it.
 */
export async function tellBehind(link: Link): Promise<void> {
  await tell(link).catch(() => undefined)
}

async function tell(link: Link): Promise<void> {
  const { master, slave, node, slaveNode } = link
  const behind = await inTransaction(slave, () => leastBehind(slave, node.nodeId))
  await inTransaction(master, () =>
    master.run(
      `update rserv.server set behind = $2::pg_snapshot where node_id = $1
        and behind::text is distinct from $2`,
      [slaveNode.nodeId, behind],
    ),
  )
  await tellMoved(link, { up: behind !== null })
}

/** The origin's position at which the last of the slave's own slaves is; null: it has none, or that cannot be told. */
async function leastBehind(slave: Session, origin: string): Promise<string | null> {
  const row = await slave.row(
    `select (select a.position::text from rserv.applied a where a.origin = $1 and rserv.includes(v.position, a.own_position)
        order by a.own_xid desc limit 1) as behind
      from rserv.server v where v.position is not null
      order by pg_snapshot_xmax(v.position), pg_snapshot_xmin(v.position) limit 1`,
    [origin],
  )
  return row?.['behind'] ?? null
}
