import type { BackendResolver, ConfigSource, RservEvent, Throttle } from '@rserv/core'

/** What a service keeps up. */
export interface ServiceSpec {
  /** Their names are unique. */
  readonly masters: readonly MasterSpec[]
  /** For cleaning, which points the capture at another log table from time to time. */
  readonly backends: BackendResolver
  /** What sessions call themselves in pg_stat_activity; default `rserv on HOST PID`. */
  readonly applicationName?: string | undefined
  /**
   * What cannot pass by itself, such as a database that is not set up, ends the service when a slave's first connection
   * is refused for it; default false: it is tried again and again, and the other slaves go on.
   */
  readonly strict?: boolean | undefined
  /** Told of notices and of progress inside operations, for people; may not throw. */
  readonly onEvent?: ((event: RservEvent) => void) | undefined
}

/** A database of a service. */
export interface SourceSpec {
  /** Unique among its kind; for events, state, and people. */
  readonly name: string
  readonly source: ConfigSource
  /**
   * At `reconfigure`, a source of the same identity is left alone. Default: the configuration itself, or the function.
   * Not shown to anybody.
   */
  readonly identity?: string | undefined
}

export interface MasterSpec extends SourceSpec {
  readonly slaves: readonly SlaveSpec[]
  /** Default: every 60 seconds, keep nothing. Null: never. */
  readonly clean?: CleanSpec | null | undefined
  readonly logLimit?: LogLimitSpec | null | undefined
  /** Milliseconds between two looks at what is wanted of the slaves (pause, throttle); default 1000. */
  readonly lookMs?: number | undefined
  /** Milliseconds between two measurements of what waits; default 5000. */
  readonly measureMs?: number | undefined
  /** Milliseconds between two counts of distinct keys, which cost a sort; default 60000. */
  readonly countKeysMs?: number | undefined
}

export interface CleanSpec {
  readonly everySeconds: number
  /** Log rows younger than this stay, although every slave has them; default 0. */
  readonly keepSeconds?: number | undefined
}

export interface LogLimitSpec {
  /** Heap and indexes of all logs of the master together. */
  readonly bytes: number
  /** `warn`: events only. `detach`: the log is kept for the slowest slave no longer, which must be resynced. */
  readonly over: 'warn' | 'detach'
}

export interface SlaveSpec extends SourceSpec {
  /** Name under which the master registers it at its first transfer; default the slave database's name. */
  readonly server?: string | undefined
  /** Holds it back; a throttle by command holds instead of this one. */
  readonly throttle?: Throttle | undefined
  /** Nothing is transferred; default false. */
  readonly paused?: boolean | undefined
  /** Large new tables that are copied at once; default 4. */
  readonly jobs?: number | undefined
  /** Most milliseconds between two looks at an idle master; default 500. */
  readonly idleMs?: number | undefined
  /** Most milliseconds from one transfer to the next that a busy master is left alone; default 300. */
  readonly busyMs?: number | undefined
  /** Most milliseconds between two attempts after failures; default 30000. */
  readonly retryMs?: number | undefined
  /** Milliseconds between two attempts at a parked table; default 60000. */
  readonly parkedRetryMs?: number | undefined
}
