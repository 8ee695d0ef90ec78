/** First wait after a look at an idle master, in milliseconds; each further one is double. */
const FIRST_WAIT_MS = 2
/** From this wait on it grows with the time that nothing happened, of which it is this share: seldom, but never out of proportion. */
const LONG_WAIT_MS = 200
const WAIT_SHARE = 1 / 25
/** Most milliseconds between two looks at a master whose changes are of no concern here. */
const BUSY_WAIT_MS = 16
/** A full look is taken at least this often. */
const LOOK_AGAIN_MS = 5000

/** Rest beside the time of a transfer, where the master has little traffic. */
const BREATH = 0.1
/**
 * From so many transactions a second on transfers come at longer distances: 20 ms at this rate, growing with its third power.
 * A transfer costs the servers some 10 ms of their time and two flushes, however little it carries (decision 10).
 */
const BUSY_RATE = 700
const BUSY_CYCLE_MS = 20
/** Share of the last rate in the average. */
const SMOOTHING = 0.3
/** Transaction ids of the master that a transfer uses itself. */
const OWN_IDS = 2

/** A transfer that was applied. */
export interface Done {
  readonly elapsedMs: number
  /** The first transaction id that the transfer's position has not seen; tells how much traffic there is. */
  readonly nextId: bigint
}

/**
 * How often to look: often while there is traffic, seldom when there is none, and seldom too while the master is busy:
 * few large transfers take less of it than many small ones.
 */
export class Pace {
  readonly #idleMs: number
  readonly #busyMs: number
  #wait = FIRST_WAIT_MS
  /** Rested since something happened. */
  #quietMs = 0
  /** Transactions a second, others' only. */
  #rate = 0
  #last: { readonly nextId: bigint; readonly at: number } | undefined
  #seen: { readonly snapshot: string; readonly until: number } | undefined

  /**
   * @param idleMs most milliseconds between two looks
   * @param busyMs most milliseconds between two transfers of a busy master
   */
  constructor({ idleMs, busyMs }: { idleMs: number; busyMs: number }) {
    this.#idleMs = idleMs
    this.#busyMs = busyMs
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
    this.#quietMs += wait
    this.#wait = Math.min(wait * 2, Math.max(LONG_WAIT_MS, this.#quietMs * WAIT_SHARE), this.#idleMs)
    return wait
  }

  /** A transfer was applied. Returns milliseconds to rest. */
  applied(done: Done, now = performance.now()): number {
    this.disturbed()
    this.#learn(done.nextId, now)
    const cycle = Math.min(BUSY_CYCLE_MS * (this.#rate / BUSY_RATE) ** 3, this.#busyMs)
    return Math.max(BREATH * done.elapsedMs, cycle - done.elapsedMs)
  }

  /** Something happened beside the traffic: the next look is a full one, and tells when nothing is left. */
  disturbed(): void {
    this.#seen = undefined
    this.#wait = FIRST_WAIT_MS
    this.#quietMs = 0
  }

  #learn(nextId: bigint, at: number): void {
    const last = this.#last
    this.#last = { nextId, at }
    if (!last || at <= last.at) return
    const rate = (1000 * Math.max(0, Number(nextId - last.nextId) - OWN_IDS)) / (at - last.at)
    this.#rate += SMOOTHING * (rate - this.#rate)
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
