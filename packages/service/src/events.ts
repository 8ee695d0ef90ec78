import type { QualifiedName, Throttle } from '@rserv/core'
import type { CopyState, Problem } from './state.ts'

/** What every event has. */
export interface EventBase {
  /** ISO 8601, UTC. */
  readonly at: string
  /** Name of the master; null where it is about the service as a whole. */
  readonly master: string | null
  /** Name of the slave; null where it is about the master. */
  readonly slave: string | null
}

/** Rows and bytes of one table in one transfer. */
export interface MovedTable {
  readonly table: QualifiedName
  readonly mode: 'changes' | 'copy'
  readonly written: number
  readonly deleted: number
  readonly bytes: number
}

/** What happened; `kind` is a stable code. */
export type ServiceEventBody =
  /** Master: the service sees it, at first or again. */
  | { readonly kind: 'master-connected' }
  /** Master: the service does not see it; told once, until it is seen again. */
  | { readonly kind: 'master-lost'; readonly problem: Problem }
  /** Slave: connected to both sides; transfers begin. */
  | { readonly kind: 'connected' }
  /** Slave: a transfer was applied. */
  | {
      readonly kind: 'applied'
      readonly syncId: string
      readonly rows: number
      readonly bytes: number
      readonly elapsedMs: number
      readonly tables: readonly MovedTable[]
    }
  /** Slave: has everything; once, after the last transfer. */
  | { readonly kind: 'in-sync'; readonly syncId: string | null }
  /** Slave: an attempt failed and will be made again. Nothing is lost. */
  | { readonly kind: 'failed'; readonly problem: Problem; readonly retryInMs: number }
  /** Slave: a table is left out until it can be copied; the others go on. */
  | { readonly kind: 'parked'; readonly table: QualifiedName; readonly problem: Problem }
  /** Slave: a parked table was copied, and is part of every transfer again. */
  | { readonly kind: 'rejoined'; readonly table: QualifiedName }
  /** Slave: how far the copy of a table is. */
  | { readonly kind: 'copy-progress'; readonly table: QualifiedName; readonly copy: CopyState }
  /** Slave: nothing is transferred until it is resumed; `by` says who wanted it. */
  | { readonly kind: 'paused'; readonly by: 'command' | 'program' | 'configuration' | 'change-of-roles' }
  | { readonly kind: 'resumed' }
  /** Slave: is held back, or (null) is no longer. */
  | { readonly kind: 'throttled'; readonly throttle: Throttle | null }
  /** Master: its log has passed the limit; `slowest` holds most of it. Told again from time to time. */
  | {
      readonly kind: 'log-limit'
      readonly logBytes: number
      readonly limitBytes: number
      readonly slowest: string | null
    }
  /** Slave: the master keeps no log for it any more, because the log had passed its limit. `server`: its name there. */
  | { readonly kind: 'detached'; readonly server: string; readonly problem: Problem }
  /** Slave: was resynced after it had been detached; is followed again. */
  | { readonly kind: 'attached' }
  /** Master: log rows that every slave has were removed. */
  | { readonly kind: 'cleaned'; readonly rows: number }
  | { readonly kind: 'clean-failed'; readonly problem: Problem }
  /** Service: another specification holds; names are `master/slave`. */
  | {
      readonly kind: 'reconfigured'
      readonly added: readonly string[]
      readonly removed: readonly string[]
      readonly changed: readonly string[]
    }
  /** Service: the new configuration is not used; the old one goes on. */
  | { readonly kind: 'configuration-refused'; readonly problem: Problem }
  /** Slave: the transfer in hand is done, the connections are closed. */
  | { readonly kind: 'stopped' }

export type ServiceEvent = EventBase & ServiceEventBody

/** The stable codes of events. */
export type ServiceEventKind = ServiceEventBody['kind']
