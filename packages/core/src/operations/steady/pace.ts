/** First wait after a look at an idle master, in milliseconds; each further one is double. */
const FIRST_WAIT_MS = 2
/** Most milliseconds between two looks at a master whose changes are of no concern here. */
const BUSY_WAIT_MS = 16
/** A full look is taken at least this often. */
const LOOK_AGAIN_MS = 5000

/** How often to look: often while there is traffic, seldom when there is none. */
export class Pace {
  readonly #idleMs: number
  #wait = FIRST_WAIT_MS
  #seen: { readonly snapshot: string; readonly until: number } | undefined

  /** @param idleMs most milliseconds between two looks */
  constructor(idleMs: number) {
    this.#idleMs = idleMs
  }

  /** Was there nothing to do the last time? */
  get idle(): boolean {
    return this.#seen !== undefined
  }

  /** Nothing can have changed while the master's snapshot is the same. The slave may want another table, though. */
  mayRest(snapshot: string): boolean {
    return this.#seen?.snapshot === snapshot && performance.now() < this.#seen.until
  }

  /** Milliseconds to rest before the master's snapshot is asked for again. */
  rest(): number {
    const wait = this.#wait
    this.#wait = Math.min(wait * 2, this.#idleMs)
    return wait
  }

  /** A transfer was applied. */
  busy(): void {
    this.#seen = undefined
    this.#wait = FIRST_WAIT_MS
  }

  /**
   * There was nothing to do.
   * @param snapshot of the master before the look; empty: unknown
   * @returns milliseconds until the next look: others may be busy on the master all the time
   */
  nothing(snapshot: string): number {
    this.#seen = { snapshot, until: performance.now() + LOOK_AGAIN_MS }
    return snapshot === '' ? 0 : Math.min(this.rest(), BUSY_WAIT_MS)
  }
}
