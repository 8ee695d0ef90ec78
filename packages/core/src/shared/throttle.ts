/** Bounds on the average; each transfer is still one transaction, through which bytes are held back, too. */
export interface Throttle {
  readonly rowsPerSecond?: number | undefined
  readonly bytesPerSecond?: number | undefined
  /** Least milliseconds from the end of a transfer to the next. */
  readonly pauseMs?: number | undefined
}

/** What a transfer moved, and how long that took. */
interface Moved {
  readonly rows: number
  readonly bytes: number
  readonly elapsedMs: number
}

/** Milliseconds to rest after a transfer, so that the bounds are kept from its beginning to the next one's. */
export function restAfter({ rows, bytes, elapsedMs }: Moved, throttle: Throttle | null | undefined): number {
  const { rowsPerSecond, bytesPerSecond, pauseMs } = throttle ?? {}
  const forRows = rowsPerSecond ? (1000 * rows) / rowsPerSecond : 0
  const forBytes = bytesPerSecond ? (1000 * bytes) / bytesPerSecond : 0
  return Math.max(0, forRows - elapsedMs, forBytes - elapsedMs, pauseMs ?? 0)
}
