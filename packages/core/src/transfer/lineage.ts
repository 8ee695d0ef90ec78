/** What a node holds of another: the state of that at a position. */
export interface Held {
  /** uuid of the node whose state it is. */
  readonly origin: string
  /** Decimal text. */
  readonly syncId: string
  readonly position: string
  readonly token: string | null
  /** Of the origin, when it gave the position: rserv.life(). */
  readonly life: string | null
}

/** Who is the master of a cluster, as a node knows it. */
export interface Reign {
  /** uuid of the first master. */
  readonly cluster: string
  readonly generation: number
  /** uuid of the node that is the master now. */
  readonly master: string
}

/**
 * SQL of one JSON value: what a slave holds of its master, and of those before it. In a transfer's snapshot it is exactly
 * what the transfer holds of them. Nothing on a master, also not on one that was a slave.
 */
export const LINEAGE = `(select coalesce(json_agg(json_build_object('origin', s.origin, 'syncId', s.sync_id::text,
    'position', s.position::text, 'token', s.token, 'life', s.life)), '[]')
  from rserv.slave_sync s where s.position is not null
    and exists (select from rserv.slave_table t where t.origin = coalesce(s.via, s.origin)))`

/** SQL of one JSON value: all that a node knows of masters. */
export const REIGNS = `(select coalesce(json_agg(json_build_object('cluster', cluster, 'generation', generation,
  'master', master)), '[]') from rserv.reign)`
