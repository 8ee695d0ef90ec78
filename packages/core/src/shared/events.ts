import type { QualifiedName } from './names.ts'

/** Something that a person watching may want to know; never needed for correctness. */
export interface RservEvent {
  readonly kind: 'notice' | 'progress' | 'debug'
  readonly message: string
  readonly table?: QualifiedName
  readonly rows?: number
  readonly bytes?: number
}

export interface CommonOptions {
  /** Aborting closes the connections; the servers roll back. */
  signal?: AbortSignal | undefined
  onEvent?: ((event: RservEvent) => void) | undefined
}
