/** Milliseconds' worth of bytes that pass at once: less would be many short waits. */
const BURST_MS = 100
/** The limit is asked for this often while bytes are held: one that was lifted must not last. */
const LOOK_MS = 500

/** A clock, and a way to wait; others than the real ones are for tests. */
export interface FlowClock {
  /** Milliseconds. */
  now(): number
  sleep(ms: number): Promise<void>
}

const REAL: FlowClock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => void setTimeout(resolve, ms)),
}

/** Holds bytes back, so that no more pass in a second than allowed, whoever sends them. */
export class Flow {
  readonly #limit: () => number | null | undefined
  readonly #clock: FlowClock
  /** Bytes that have passed and are not paid for by time yet. */
  #owed = 0
  #paidAt: number

  /** @param limit bytes a second at this moment; null or undefined: none */
  constructor(limit: () => number | null | undefined, clock: FlowClock = REAL) {
    this.#limit = limit
    this.#clock = clock
    this.#paidAt = clock.now()
  }

  /** So many bytes are here. @returns when they may pass; null: now */
  pass(bytes: number): Promise<void> | null {
    // First: time in which nothing was sent pays for nothing that comes later.
    this.#pay()
    this.#owed += bytes
    return this.#wait() > 0 ? this.#hold() : null
  }

  async #hold(): Promise<void> {
    for (let wait = this.#wait(); wait > 0; wait = this.#wait()) {
      await this.#clock.sleep(Math.min(wait, LOOK_MS))
      this.#pay()
    }
  }

  /** Milliseconds until enough is paid for, at the limit of the moment. */
  #wait(): number {
    const limit = this.#limit()
    return limit ? (1000 * this.#owed) / limit - BURST_MS : 0
  }

  #pay(): void {
    const [limit, now] = [this.#limit(), this.#clock.now()]
    this.#owed = limit ? Math.max(0, this.#owed - (limit * (now - this.#paidAt)) / 1000) : 0
    this.#paidAt = now
  }
}
