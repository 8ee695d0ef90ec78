import type { Detached, KnownServer } from '../../acknowledge/servers.ts'
import { SERVERS } from '../../acknowledge/servers.ts'
import { WANTED_NOW } from '../../acknowledge/wanted-slaves.ts'
import { currentSnapshot } from '../../database/current-snapshot.ts'
import { requireRole } from '../../database/node.ts'
import type { ConfigSource, Session } from '../../database/session.ts'
import { currentConfig, openSession } from '../../database/session.ts'
import { beginStatements, inTransaction, rollback } from '../../database/transaction.ts'
import type { CommonOptions } from '../../shared/events.ts'
import type { Throttle } from '../../shared/throttle.ts'
import type { Backlog, BacklogOptions } from './backlog.ts'
import { measureBacklog } from './backlog.ts'

/** What is wanted of a slave, as the master has it on record. */
export interface WatchedSlave {
  readonly server: string
  /** uuid of the slave database; null until it was seen. */
  readonly nodeId: string | null
  /** Last confirmed sync id, decimal text. */
  readonly syncId: string | null
  /** ISO 8601; null: not paused by command. */
  readonly pausedAt: string | null
  readonly throttle: Throttle | null
  readonly detached: Detached | null
  /** Does a change of roles want the slave for itself at this moment? Then nobody should follow it. */
  readonly wanted: boolean
}

/** A connection to a master that looks and changes nothing. One look at a time: another one waits for it. */
export class MasterWatch implements AsyncDisposable {
  readonly #session: Session
  #turn: Promise<unknown> = Promise.resolve()
  #measured: { readonly snapshot: string; readonly backlog: Backlog } | undefined

  constructor(session: Session) {
    this.#session = session
  }

  get database(): string {
    return this.#session.database
  }

  /** What is wanted of the slaves that the master knows; cheap. @throws RservError CONNECT, … */
  slaves(): Promise<WatchedSlave[]> {
    return this.#inTurn(() => lookAtSlaves(this.#session))
  }

  /** Log sizes and what waits for each slave. @throws RservError CONNECT, … */
  backlog(options: BacklogOptions = {}): Promise<Backlog> {
    return this.#inTurn(() => this.#measure(options))
  }

  /** Nothing can wait that did not before, while the master's snapshot is the same. */
  async #measure(options: BacklogOptions): Promise<Backlog> {
    const snapshot = await currentSnapshot(this.#session)
    const last = this.#measured
    if (last?.snapshot === snapshot && last.backlog.slaves.every(({ rows }) => rows === 0)) return last.backlog
    const measure = (): Promise<Backlog> => measureBacklog(this.#session, options)
    const backlog = await inTransaction(this.#session, measure, { isolation: 'repeatable read' })
    this.#measured = { snapshot, backlog }
    return backlog
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#session[Symbol.asyncDispose]()
  }
}

/** In one message: it is asked every second. */
async function lookAtSlaves(session: Session): Promise<WatchedSlave[]> {
  try {
    const answers = await session.batch([...beginStatements(session), SERVERS, WANTED_NOW, 'commit'])
    const [servers, wanted] = answers.slice(-3)
    return toWatched(servers?.[0]?.['servers'] ?? '[]', new Set(wanted?.map((row) => row['node_id'])))
  } catch (error) {
    await rollback(session)
    throw error
  }
}

function toWatched(servers: string, wanted: ReadonlySet<string | null | undefined>): WatchedSlave[] {
  const known = JSON.parse(servers) as KnownServer[]
  return known.map(({ name, nodeId, syncId, pausedAt, throttle, detached }) => ({
    server: name,
    nodeId,
    syncId,
    pausedAt,
    throttle,
    detached,
    wanted: nodeId !== null && wanted.has(nodeId),
  }))
}

/**
 * Connects to a master, to look at it again and again.
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE, CANCELLED
 */
export async function watchMaster(master: ConfigSource, options: CommonOptions = {}): Promise<MasterWatch> {
  const session = await openSession(await currentConfig(master), 'master', options)
  try {
    await inTransaction(session, () => requireRole(session, 'master'))
    return new MasterWatch(session)
  } catch (error) {
    await session[Symbol.asyncDispose]()
    throw error
  }
}
