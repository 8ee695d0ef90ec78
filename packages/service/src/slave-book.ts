import type { FollowEvent, RservEvent, SlaveBacklog, SlaveStatus, Throttle, TransferResult } from '@rserv/core'
import type { ServiceEventBody } from './events.ts'
import { problemOf } from './problem.ts'
import { Rates } from './rates.ts'
import type { Problem, SlavePhase, SlaveState } from './state.ts'
import { TableBook } from './table-book.ts'

/** Why nothing is transferred, on purpose. */
export type Hold = 'paused' | 'detached' | 'stopped'

/** Everything that is known of a slave, and what to tell when more becomes known. */
export class SlaveBook {
  readonly tables = new TableBook()
  readonly #rates = new Rates(Date.now())
  readonly #totals = { transfers: 0, rows: 0, bytes: 0, failures: 0 }
  hold: Hold | null = null
  throttle: Throttle | null = null
  #connected = false
  #inSync = false
  #retryAt: number | null = null
  lastError: Problem | null = null
  #last: SlaveState['last'] = null
  /** When a transfer was last applied, or it was last found in sync; milliseconds since the epoch. */
  #knownAt = -Infinity
  #syncId: string | null = null
  #appliedAt: string | null = null
  /** As the master has it on record. */
  #confirmed: string | null = null
  /** Milliseconds since the epoch. */
  #lookedAt: number | null = null
  /** When the position was taken that it is at, by this machine's clock. */
  #positionAt: number | null = null

  /** What operations tell of copies, as the service tells it. */
  progress(event: RservEvent): ServiceEventBody[] {
    const copy = this.tables.copied(event)
    return copy && event.table ? [{ kind: 'copy-progress', table: event.table, copy }] : []
  }

  /** What `follow` tells, as the service tells it. */
  follow(event: FollowEvent, now = Date.now()): ServiceEventBody[] {
    switch (event.kind) {
      case 'connected':
        this.#connected = true
        this.#retryAt = null
        this.looked(now)
        return [{ kind: 'connected' }]
      case 'applied':
        return this.#applied(event.result, now)
      case 'in-sync':
        this.#succeeded(event.result.syncId)
        this.#inSync = true
        this.#knownAt = now
        this.tables.inSync()
        return [{ kind: 'in-sync', syncId: event.result.syncId }]
      case 'parked':
        return [this.#parked(event.error, now)]
      case 'failed':
        return [this.failed(event.error, event.retryInMs, now)]
    }
  }

  #applied(result: TransferResult, now: number): ServiceEventBody[] {
    const { syncId, bytes, elapsedMs, tables } = result
    const rows = countRows(tables)
    this.#succeeded(syncId)
    this.#inSync = false
    this.#knownAt = now
    this.#positionAt = now - elapsedMs
    this.#appliedAt = new Date(now).toISOString()
    this.#totals.transfers++
    this.#totals.rows += rows
    this.#totals.bytes += bytes
    // What was copied beside took a time of its own: it says nothing of how fast changes are.
    const changed = countRows(tables.filter(({ mode }) => mode === 'changes'))
    if (changed > 0) this.#rates.add({ rows: changed, elapsedMs, at: now })
    this.#last = { syncId: syncId ?? '', rows, bytes, elapsedMs, at: this.#appliedAt }
    const rejoined = this.tables.moved(tables)
    const applied = { kind: 'applied', syncId: syncId ?? '', rows, bytes, elapsedMs, tables } as const
    return [applied, ...rejoined.map((table) => ({ kind: 'rejoined', table }) as const)]
  }

  #succeeded(syncId: string | null): void {
    // A table that could not be copied beside the transfers has not ended the connection.
    this.#connected = true
    this.#syncId = syncId
    this.lastError = null
    this.#retryAt = null
  }

  #parked(error: Extract<FollowEvent, { kind: 'parked' }>['error'], now: number): ServiceEventBody {
    const problem = problemOf(error, new Date(now))
    this.tables.park(error.table, problem)
    this.#disconnected()
    return { kind: 'parked', table: error.table, problem }
  }

  failed(error: unknown, retryInMs: number, now = Date.now()): ServiceEventBody {
    const problem = problemOf(error, new Date(now))
    this.#disconnected()
    this.#totals.failures++
    this.lastError = problem
    this.#retryAt = now + retryInMs
    return { kind: 'failed', problem, retryInMs }
  }

  #disconnected(): void {
    this.#connected = false
    this.#inSync = false
  }

  looked(now = Date.now()): void {
    this.#lookedAt = now
  }

  /** It is not followed any more, or not now. */
  left(): void {
    this.#disconnected()
    this.#retryAt = null
  }

  /** What the slave says of itself. */
  describe(status: SlaveStatus): void {
    this.tables.describe(status)
    // While it is held somebody else may bring it further.
    if (this.#syncId === null || this.hold !== null) this.#syncId = status.syncId
    if ((this.#appliedAt === null || this.hold !== null) && status.appliedAt !== null) {
      this.#appliedAt = new Date(status.appliedAt).toISOString()
    }
  }

  /** Did somebody else, such as `rserv replicate`, bring it further while it is held, as far as the master says? */
  get isElsewhere(): boolean {
    return this.hold !== null && this.#confirmed !== null && this.#confirmed !== this.#syncId
  }

  /**
   * What the master counted.
   * @param askedAt milliseconds since the epoch: what was applied, or found in sync, since then is newer
   */
  measure(backlog: SlaveBacklog, askedAt: number): void {
    this.#confirmed = backlog.syncId
    if (this.#knownAt >= askedAt) return
    this.tables.measure(backlog)
    if (backlog.positionAge !== null && (this.#last === null || this.#syncId !== backlog.syncId)) {
      this.#positionAt = askedAt - backlog.positionAge * 1000
    }
  }

  get phase(): SlavePhase {
    if (this.hold) return this.hold
    if (this.#retryAt !== null) return 'retrying'
    if (!this.#connected) return 'connecting'
    if (this.#inSync && !this.tables.copying) return 'in-sync'
    return this.tables.copies ? 'copying' : 'catching-up'
  }

  /** @param seen whether the master is: what it counted last may be true no longer */
  state(identity: Pick<SlaveState, 'name' | 'database'>, seen: boolean, now = Date.now()): SlaveState {
    const rowsBehind = this.#inSync ? 0 : seen ? this.tables.sum('rowsBehind') : null
    const keysBehind = this.#inSync ? 0 : seen ? this.tables.sum('keysBehind') : null
    return {
      ...identity,
      phase: this.phase,
      syncId: this.#syncId,
      appliedAt: this.#appliedAt,
      secondsBehind: this.#secondsBehind(rowsBehind, now),
      rowsBehind,
      keysBehind,
      etaSeconds: this.#eta(rowsBehind, keysBehind),
      rowsPerSecond: this.#rates.recent(now),
      lookedAt: toIso(this.#lookedAt),
      lastError: this.lastError,
      retryAt: toIso(this.#retryAt),
      throttle: this.throttle,
      totals: { ...this.#totals },
      last: this.#last,
      tables: this.tables.state(),
    }
  }

  #secondsBehind(rowsBehind: number | null, now: number): number | null {
    if (rowsBehind === 0) return 0
    return this.#positionAt === null ? null : Math.max(0, (now - this.#positionAt) / 1000)
  }

  #eta(rowsBehind: number | null, keysBehind: number | null): number | null {
    if (rowsBehind === 0) return 0
    const waiting = keysBehind ?? rowsBehind
    const seconds = waiting === null || this.hold ? null : this.#rates.estimate(waiting)
    return waiting === null || seconds === null
      ? null
      : Math.max(seconds, waiting / (this.throttle?.rowsPerSecond ?? Infinity))
  }
}

function toIso(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString()
}

function countRows(tables: TransferResult['tables']): number {
  return tables.reduce((sum, { written, deleted }) => sum + written + deleted, 0)
}
