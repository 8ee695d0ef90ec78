import type { Session } from '../database/session.ts'
import type { Position } from '../shared/position.ts'
import type { Throttle } from '../shared/throttle.ts'

/** A slave as the master knows it. */
export interface KnownServer {
  readonly id: number
  readonly name: string
  /** uuid of the slave database; null until it was seen. */
  readonly nodeId: string | null
  /** Last sync id that it confirmed, decimal text. */
  readonly syncId: string | null
  readonly position: Position | null
  /** Least position of this node that the slaves behind it are at; null: there is none. */
  readonly behind: Position | null
  readonly confirmedAt: string | null
  /** Tables that it holds as of its position. */
  readonly tableIds: readonly number[]
  /** The last script that it is known to have run, decimal text; "0": none. */
  readonly lastScript: string
  /** Since when it is paused by command, ISO 8601; null: it is not. */
  readonly pausedAt: string | null
  readonly throttle: Throttle | null
  /** The log is kept for it no longer; null: it is. */
  readonly detached: Detached | null
}

export interface Detached {
  /** ISO 8601. */
  readonly at: string
  readonly why: string
}

const SERVER = `json_build_object('id', server_id, 'name', name, 'nodeId', node_id, 'syncId', sync_id::text,
  'position', position::text, 'behind', behind::text, 'confirmedAt', confirmed_at, 'tableIds', table_ids, 'lastScript', ddl_id::text,
  'pausedAt', paused_at, 'throttle', throttle,
  'detached', case when detached_at is not null then json_build_object('at', detached_at, 'why', detached_why) end)`

/** The statement of `listServers`; its one value is JSON. */
export const SERVERS = `select coalesce(json_agg(${SERVER} order by server_id), '[]') as servers from rserv.server`

/** All slaves of the master. Inside a transaction. */
export async function listServers(session: Session): Promise<KnownServer[]> {
  return session.json<KnownServer[]>(SERVERS)
}

export async function findServer(
  session: Session,
  where: { nodeId: string } | { name: string },
): Promise<KnownServer | null> {
  const byNode = 'nodeId' in where
  return session.json<KnownServer | null>(
    `select ${SERVER} from rserv.server where ${byNode ? 'node_id' : 'name'} = $1`,
    [byNode ? where.nodeId : where.name],
  )
}

/** Registers a slave under a name that is free. */
export async function addServer(session: Session, name: string, nodeId: string | null): Promise<void> {
  await session.run('insert into rserv.server (name, node_id) values ($1, $2)', [name, nodeId])
}

/** Ties a server that was registered by name to the slave database that uses it. */
export async function bindServer(session: Session, id: number, nodeId: string): Promise<void> {
  await session.run('update rserv.server set node_id = $2 where server_id = $1 and node_id is null', [id, nodeId])
}
