import type { Rate } from '@rserv/core'
import { estimateSeconds, magnitudeOf } from '@rserv/core'

/** One transfer. */
interface Moved {
  readonly rows: number
  readonly elapsedMs: number
  /** Milliseconds since the epoch, at its end. */
  readonly at: number
}

const WINDOW_MS = 60_000
const MOST = 500
/** Of each magnitude, for estimates. */
const LAST_TRANSFERS = 20

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
    return now > since ? (1000 * sum(inWindow, 'rows')) / (now - since) : 0
  }

  /** Seconds that a transfer of so many rows takes; null before the first one that moved any. */
  estimate(rows: number): number | null {
    const moved = this.#moved.filter((one) => one.rows > 0)
    const magnitudes = new Set(moved.map((one) => magnitudeOf(one.rows)))
    const rates = [...magnitudes].map((magnitude): Rate => {
      const last = moved.filter((one) => magnitudeOf(one.rows) === magnitude).slice(-LAST_TRANSFERS)
      return { magnitude, rows: sum(last, 'rows'), ms: sum(last, 'elapsedMs') }
    })
    return estimateSeconds(rates, rows)
  }
}

function sum(moved: readonly Moved[], what: 'rows' | 'elapsedMs'): number {
  return moved.reduce((total, one) => total + one[what], 0)
}
