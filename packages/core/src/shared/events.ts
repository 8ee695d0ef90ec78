import type { QualifiedName } from './names.ts'
import type { Point } from './points.ts'

/** Something that a person watching may want to know; never needed for correctness. */
export interface RservEvent {
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
