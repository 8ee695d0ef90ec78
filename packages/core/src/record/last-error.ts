import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { quoteLiteral } from '../shared/names.ts'

/** The last error of a master and a slave. */
export interface LastError {
  /** As of RservError, or INTERNAL. */
  readonly code: string
  readonly message: string
  /** What to do; null where nobody knows. */
  readonly hint: string | null
  /** ISO 8601; the last time it happened. */
  readonly at: string
  /** ISO 8601; the first of the attempts that failed in a row. */
  readonly since: string
  /** How many failed in a row. */
  readonly attempts: number
  /** ISO 8601; when it worked again. Null: it did not yet. */
  readonly overAt: string | null
}

/** The other side of a pair, as far as it is known. */
export interface Peer {
  /** uuid; null: it was not seen yet. */
  readonly nodeId: string | null
  /** As `addressOf` has it. */
  readonly address: string
}

/** A recorded error with the side that it was met with. */
export type RecordedError = LastError & Peer

const LONGEST_TEXT = 2000

/** These say that somebody else does the work, or that nobody wants it any more. */
const NO_ERRORS = new Set<string>(['BUSY', 'CANCELLED'])

export function isWorthRecording(error: unknown): boolean {
  return !(error instanceof RservError && NO_ERRORS.has(error.code))
}

/**
 * Statement that records an error. Where the peer has not been seen, it is looked up by its address.
 * @param role what the database that it is recorded in must be: another one has other peers
 */
export function recordStatement(error: unknown, { nodeId, address }: Peer, role: 'master' | 'slave'): string {
  const code = error instanceof RservError ? error.code : 'INTERNAL'
  const message = error instanceof Error ? error.message : String(error)
  const hint = error instanceof RservError ? error.hint : undefined
  const known =
    nodeId === null ? `(select pg_catalog.min(id) from (${lookUp(address, role)}) k having count(*) = 1)` : text(nodeId)
  return `with peer as (select ${known} as id)
    insert into rserv.last_error as e (peer, node_id, address, code, message, hint, at, since, attempts)
    select coalesce(peer.id, ${text(address)}), peer.id::uuid, ${text(address)}, ${text(code)}, ${text(message)},
        ${hint === undefined ? 'null' : text(hint)}, now.at, now.at, 1
      from peer, (select pg_catalog.clock_timestamp() as at) now, rserv.node where is_${role}
    on conflict (peer) do update set address = excluded.address, code = excluded.code, message = excluded.message,
      hint = excluded.hint, at = excluded.at, over_at = null,
      since = case when e.over_at is null then e.since else excluded.since end,
      attempts = case when e.over_at is null then e.attempts + 1 else 1 end`
}

function lookUp(address: string, role: 'master' | 'slave'): string {
  return role === 'master'
    ? `select node_id::text as id from rserv.server where node_id is not null and address = ${text(address)}`
    : 'select origin::text as id from rserv.slave_sync'
}

/** Statement that notes that it works again. */
export function overStatement({ nodeId, address }: Peer): string {
  const same = `peer = ${text(address)}${nodeId === null ? '' : ` or node_id::text = ${text(nodeId)}`}`
  return `update rserv.last_error set over_at = pg_catalog.clock_timestamp() where over_at is null and (${same})`
}

/** All that are recorded in this database, those that are not over first. Inside a transaction. */
export async function listErrors(session: Session): Promise<RecordedError[]> {
  return session.json<RecordedError[]>(
    `select coalesce(json_agg(json_build_object('nodeId', node_id, 'address', address, 'code', code, 'message', message,
        'hint', hint, 'at', at, 'since', since, 'attempts', attempts, 'overAt', over_at)
        order by over_at is not null, at desc), '[]') from rserv.last_error`,
  )
}

/** What a peer of a slave or master is no longer. Inside a transaction. */
export async function forgetErrors(session: Session, nodeId: string): Promise<void> {
  await session.run('delete from rserv.last_error where node_id = $1', [nodeId])
}

function text(value: string): string {
  return quoteLiteral(value.replaceAll('\0', '').slice(0, LONGEST_TEXT))
}
