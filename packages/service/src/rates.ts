/** One transfer. */
interface Moved {
  readonly rows: number
  readonly elapsedMs: number
  /** Milliseconds since the epoch, at its end. */
  readonly at: number
}

const WINDOW_MS = 60_000
const MOST = 500
/** Transfers of fewer rows say more about round trips than about rows. */
const LAST_FOR_SPEED = 20

/** How fast rows move. */
export class Rates {
  readonly #startedAt: number
  readonly #moved: Moved[] = []

  constructor(now: number) {
    this.#startedAt = now
  }

  add(moved: Moved): void {
    this.#moved.push(moved)
    if (this.#moved.length > MOST) this.#moved.shift()
  }

  /** Rows a second over the last minute, or since the start. */
  recent(now: number): number {
    const inWindow = this.#moved.filter(({ at }) => at > now - WINDOW_MS)
    const full = this.#moved.length === MOST && inWindow.length === MOST
    const since = full ? (inWindow[0]?.at ?? now) : Math.max(this.#startedAt, now - WINDOW_MS)
    const rows = inWindow.reduce((sum, moved) => sum + moved.rows, 0)
    return now > since ? (1000 * rows) / (now - since) : 0
  }

  /** Rows a second while rows move; null before the first transfer. */
  speed(): number | null {
    const last = this.#moved.slice(-LAST_FOR_SPEED)
    const rows = last.reduce((sum, moved) => sum + moved.rows, 0)
    const elapsed = last.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0)
    return rows > 0 ? (1000 * rows) / Math.max(1, elapsed) : null
  }
}
