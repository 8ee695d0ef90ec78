import type { ServiceState } from '@rserv/service'
import type { Watched } from '../part.ts'

/** A state as it is sent. */
export interface Shown {
  /** 1, 2, … with every change that was noticed. */
  readonly version: number
  readonly json: string
}

/** They change with every look: that is no news. */
const PASSING: ReadonlySet<string> = new Set(['lookedAt'])

/**
 * The state for readers. It is looked at while somebody waits for a change, and kept once for all of them: whoever
 * reads slowly gets the newest state next, not all between, so nothing piles up.
 */
export class StateFeed {
  readonly #watched: Watched
  readonly #hide: (text: string) => string
  readonly #everyMs: number
  #latest: Shown = { version: 0, json: '' }
  /** What makes a version. */
  #told = ''
  #timer: NodeJS.Timeout | undefined
  readonly #waiting = new Set<(shown: Shown) => void>()

  /** @param everyMs Milliseconds between two looks while somebody waits. */
  constructor(watched: Watched, { hide, everyMs }: { hide: (text: string) => string; everyMs: number }) {
    this.#watched = watched
    this.#hide = hide
    this.#everyMs = everyMs
  }

  /** The state now, secrets blackened. */
  now(): ServiceState {
    return JSON.parse(this.shown().json) as ServiceState
  }

  /** The state now. */
  shown(): Shown {
    const state = this.#watched.state()
    const json = JSON.stringify(state, (_key, value: unknown) => this.#hidden(value))
    const told = JSON.stringify(state, (key, value: unknown) => (PASSING.has(key) ? undefined : this.#hidden(value)))
    const { version } = this.#latest
    this.#latest = { version: told === this.#told ? version : version + 1, json }
    this.#told = told
    return this.#latest
  }

  #hidden(value: unknown): unknown {
    return typeof value === 'string' ? this.#hide(value) : value
  }

  /** The first state that is newer than a version; null where there is none in time, or `signal` is aborted. */
  async after(
    version: number,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<Shown | null> {
    const already = this.shown()
    if (already.version > version || signal.aborted) return signal.aborted ? null : already
    return new Promise((resolve) => {
      const done = (shown: Shown | null): void => {
        clearTimeout(timeout)
        signal.removeEventListener('abort', gone)
        this.#waiting.delete(done)
        if (this.#waiting.size === 0) this.#rest()
        resolve(shown)
      }
      const gone = (): void => done(null)
      const timeout = setTimeout(gone, timeoutMs)
      signal.addEventListener('abort', gone)
      this.#waiting.add(done)
      this.#timer ??= setInterval(() => this.#look(), this.#everyMs)
    })
  }

  #look(): void {
    const { version } = this.#latest
    const shown = this.shown()
    if (shown.version > version) for (const tell of this.#waiting) tell(shown)
  }

  #rest(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
