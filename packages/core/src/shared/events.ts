import type { QualifiedName } from './names.ts'
import type { Point } from './points.ts'

/**
 * How far the copy of a new table is. Progress events of copies have all of it, about once a second for each table that
 * is being copied: `waiting` when it is chosen, `copying`, `copied` when it is there, or `failed` (nothing of it is).
 */
export interface CopyProgress {
  readonly copy: 'waiting' | 'copying' | 'copied' | 'failed'
  readonly rowsDone: number
  /** The planner's estimate on the master; null: it has none. */
  readonly rowsTotal: number | null
  /** Of row data, as it travels. */
  readonly bytesDone: number
  /** Of the table on the master's disk: of the same order, seldom the same. */
  readonly bytesTotal: number | null
  /** ISO 8601; null while it waits. */
  readonly startedAt: string | null
  /** Seconds left, as it went so far; null: not to be told. */
  readonly etaSeconds: number | null
}

/** Something that a person watching may want to know; never needed for correctness. */
export interface RservEvent extends Partial<CopyProgress> {
  readonly kind: 'notice' | 'progress' | 'debug'
  readonly message: string
  readonly table?: QualifiedName
  readonly rows?: number
  readonly bytes?: number
  /** The step that was done; debug events of transfers have it. */
  readonly point?: Point
}

export interface CommonOptions {
  /** Aborting closes the connections; the servers roll back. */
  signal?: AbortSignal | undefined
  onEvent?: ((event: RservEvent) => void) | undefined
}
