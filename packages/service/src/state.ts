import type { Throttle } from '@rserv/core'

/**
 * What a service knows of its masters and slaves at this moment: the contract between `@rserv/service`, which keeps it,
 * and whoever shows it (`/metrics`, `/healthz`, the page, programs). JSON-able, without any secret. Fields may be added,
 * none is renamed. Times are ISO 8601 in UTC; numbers are null where they are not known, never guessed as 0.
 */
export interface ServiceState {
  /** Of `@rserv/service`. */
  version: string
  startedAt: string
  masters: MasterState[]
}

/** Something that went wrong. */
export interface Problem {
  /** As of `RservError`, or `INTERNAL`. */
  code: string
  message: string
  /** What to do; null where nobody knows. */
  hint: string | null
  at: string
}

export interface MasterState {
  name: string
  /** For display: `database at host:port`; never a password. */
  database: string
  /** Does the service see it? As of its last look, every second or so. */
  connected: boolean
  lastError: Problem | null
  /** Log rows of all tables, as the server estimates them. */
  logRows: number | null
  /** Heap and indexes of all logs. */
  logBytes: number | null
  /** When the log was last cleaned by this service. */
  cleanedAt: string | null
  /** Bytes that the log is not to pass, and what happens when it does; null: no limit. */
  logLimit: { bytes: number; over: 'warn' | 'detach'; passed: boolean } | null
  /** Captured tables. */
  tables: { schema: string; name: string; logRows: number; logBytes: number }[]
  slaves: SlaveState[]
}

export type SlavePhase =
  /** Before the first connection, and while it connects again. */
  | 'connecting'
  /** A transfer copies tables. */
  | 'copying'
  /** Changes are waiting, or on their way. */
  | 'catching-up'
  /** The last look found nothing to do. */
  | 'in-sync'
  /** By command or program: nothing is transferred until it is resumed. */
  | 'paused'
  /** The last attempt failed; the next is at `retryAt`. */
  | 'retrying'
  /** The master keeps no log for it any more: it waits for `rserv resync`. */
  | 'detached'
  /** The service is being stopped, or the slave taken out of it. */
  | 'stopped'

export interface SlaveState {
  /** Unique among the slaves of its master. */
  name: string
  database: string
  phase: SlavePhase
  /** Sync id that it is at, decimal text. */
  syncId: string | null
  /** When that was applied. */
  appliedAt: string | null
  /** Seconds since the position was taken that it is at, while changes wait; 0 when none do. */
  secondsBehind: number | null
  /** Log rows waiting; beyond some 100,000 an estimate. */
  rowsBehind: number | null
  /** Distinct keys waiting: what the next transfer moves. Counted seldom, and not for long logs. */
  keysBehind: number | null
  /** Seconds until nothing waits, at the recent rate; 0 in sync. */
  etaSeconds: number | null
  /** Rows written and deleted a second, over the last transfers. */
  rowsPerSecond: number | null
  /**
   * When it was last heard of from whoever follows it: it looked at its master, rows travelled, or it rested on purpose. An old
   * time in a phase in which it is followed is a transfer that waits, e.g. for a lock, or a connection that hangs.
   */
  lookedAt: string | null
  /** Null as soon as a transfer, or a look that found nothing to do, has succeeded. */
  lastError: Problem | null
  /** When it is tried again, in phase `retrying`. */
  retryAt: string | null
  /** What holds it back on purpose; null: nothing. */
  throttle: Throttle | null
  /** Since the service started. */
  totals: { transfers: number; rows: number; bytes: number; failures: number }
  /** The last transfer that was applied. */
  last: { syncId: string; rows: number; bytes: number; elapsedMs: number; at: string } | null
  tables: SlaveTableState[]
}

export interface SlaveTableState {
  schema: string
  name: string
  /** `new`: is copied by a transfer to come; `copying`: by one that is under way; `parked`: left out, see `error`. */
  state: 'new' | 'copying' | 'synced' | 'assumed' | 'parked'
  rowsBehind: number | null
  keysBehind: number | null
  copy: CopyState | null
  error: Problem | null
}

export interface CopyState {
  rowsDone: number
  /** An estimate. */
  rowsTotal: number | null
  bytesDone: number
  bytesTotal: number | null
  startedAt: string
  etaSeconds: number | null
}
