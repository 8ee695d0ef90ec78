/** First wait after a look at an idle master, in milliseconds; each further one is double. */
const FIRST_WAIT_MS = 2
/** Most milliseconds between two looks at a master whose changes are of no concern here. */
const BUSY_WAIT_MS = 16
/** A full look is taken at least this often. */
const LOOK_AGAIN_MS = 5000

/** A master that answers so many times as slowly as it can has other things to do. */
const SLOW = 3
/** Most milliseconds that a busy master is left alone. */
const LEAVE_ALONE_MS = 150
/** Rest beside the time of a transfer where the master is not busy. */
const BREATH = 0.2
/** Share of the last answer in the average, and growth of the best time with each answer, so that it is not for ever. */
const SMOOTHING = 0.2
const FORGETTING = 1.002

/**
 * How often to look: often while there is traffic, seldom when there is none, and seldom too while the master is busy,
 * which it tells by answering slowly, as a network does. Few large transfers then take less of it than many small ones.
 */
export class Pace {
  readonly #idleMs: number
  #best = Infinity
  #usual = 0
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

  /** Nothing can have changed while the master's snapshot is the same. */
  mayRest(snapshot: string): boolean {
    return this.#seen?.snapshot === snapshot && !this.lookAgain
  }

  /** Is it time for a full look? The slave may want another table. */
  get lookAgain(): boolean {
    return this.#seen !== undefined && performance.now() >= this.#seen.until
  }

  /** Milliseconds to rest before the master's snapshot is asked for again. */
  rest(): number {
    const wait = this.#wait
    this.#wait = Math.min(wait * 2, this.#idleMs)
    return wait
  }

  /**
   * A transfer was applied.
   * @param lookMs time of the look at the master, which does not depend on what there is to transfer; null: unknown
   * @param elapsedMs time of all of it
   * @returns milliseconds to rest
   */
  applied(lookMs: number | null, elapsedMs: number): number {
    this.#seen = undefined
    this.#wait = FIRST_WAIT_MS
    if (lookMs === null) return 0
    this.#best = Math.min(this.#best * FORGETTING, lookMs)
    this.#usual += SMOOTHING * (lookMs - this.#usual)
    const slowness = this.#usual / this.#best
    return Math.min(elapsedMs * (slowness < SLOW ? BREATH : slowness - 1), LEAVE_ALONE_MS)
  }

  /**
   * There was nothing to do.
   * @param snapshot of the master before the look; empty: unknown
   * @returns milliseconds until the next look: others may be busy on the master all the time
   */
  nothing(snapshot: string): number {
    const until = this.#seen && !this.lookAgain ? this.#seen.until : performance.now() + LOOK_AGAIN_MS
    this.#seen = { snapshot, until }
    return snapshot === '' ? 0 : Math.min(this.rest(), BUSY_WAIT_MS)
  }
}
