import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Link } from './link.ts'

/** A node that a slave followed before. */
export interface Former {
  /** uuid */
  readonly nodeId: string
  /** The last sync id that the slave got there, decimal text. */
  readonly syncId: string
}

/** Whom a slave follows, other than `but`. Inside a transaction on it. */
export async function listFollowed(slave: Session, but: string): Promise<Former[]> {
  return slave.json<Former[]>(
    `select coalesce(json_agg(json_build_object('nodeId', origin, 'syncId', sync_id::text)), '[]') from rserv.slave_sync s
      where via is null and sync_id is not null and origin <> $1
        and exists (select from rserv.slave_table t where t.origin = s.origin)`,
    [but],
  )
}

/** Writes down that a slave has come here, to be told to those that it followed before. Inside a transaction. */
export async function noteMoved(session: Session, slave: string, formers: readonly Former[]): Promise<void> {
  await session.run(
    `insert into rserv.moved_slave (node_id, left_node, sync_id)
      select $1, w."nodeId", w."syncId" from json_to_recordset($2) as w ("nodeId" uuid, "syncId" bigint)
      on conflict (node_id, left_node) do update set sync_id = excluded.sync_id`,
    [slave, JSON.stringify(formers)],
  )
}

/**
 * Each of the two forgets the slaves that left it for the other one, so that its log is not kept for them for ever. Where
 * it fails the next transfer does it.
 * @param up may the master forget slaves that went below the slave: does it know how far those are?
 */
export async function tellMoved({ master, slave, node, slaveNode }: Link, { up }: { up: boolean }): Promise<void> {
  await tell({ from: master, to: slave, nodeId: slaveNode.nodeId })
  if (up) await tell({ from: slave, to: master, nodeId: node.nodeId })
}

async function tell({ from, to, nodeId }: { from: Session; to: Session; nodeId: string }): Promise<void> {
  const moved = await inTransaction(from, () =>
    from.json<unknown[]>(
      `select coalesce(json_agg(json_build_object('slave', node_id, 'syncId', sync_id::text)), '[]') from rserv.moved_slave
        where left_node = $1`,
      [nodeId],
    ),
  )
  if (moved.length === 0) return
  const those = JSON.stringify(moved)
  await inTransaction(to, () => forget(to, those))
  await inTransaction(from, () =>
    from.run(
      `delete from rserv.moved_slave m using json_to_recordset($2) as w (slave uuid, "syncId" bigint)
        where m.left_node = $1 and m.node_id = w.slave and m.sync_id = w."syncId"`,
      [nodeId, those],
    ),
  )
}

/** As long as they have not come back. Their positions stay known: they may have been common states. */
async function forget(session: Session, moved: string): Promise<void> {
  const which = `v.node_id = w.slave and coalesce(v.sync_id, 0) <= w."syncId"`
  const list = `json_to_recordset($1) as w (slave uuid, "syncId" bigint)`
  await session.run(
    `insert into rserv.given (sync_id, position, token) select s.sync_id, s.position, s.token
      from rserv.sync s join rserv.server v using (server_id) join ${list} on ${which} on conflict do nothing`,
    [moved],
  )
  await session.run(`delete from rserv.server v using ${list} where ${which}`, [moved])
}
