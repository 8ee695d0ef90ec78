/** Milliseconds between two turns that are noted. */
const TURN_MS = 500
/** Turns after which a hold-up is forgotten: a minute. */
const REMEMBERED = 120

/** Watches whether this process's event loop turns. */
export class LoopWatch {
  readonly #timer: NodeJS.Timeout
  #turned = performance.now()
  readonly #delays: number[] = []

  constructor() {
    this.#timer = setInterval(() => this.#turn(), TURN_MS).unref()
  }

  /** Milliseconds for which it is held up now. */
  get now(): number {
    return Math.max(0, Math.round(performance.now() - this.#turned - TURN_MS))
  }

  /** The longest time that it was held up within the last minute, in milliseconds. */
  get longest(): number {
    return Math.max(this.now, ...this.#delays)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #turn(): void {
    this.#delays.push(this.now)
    if (this.#delays.length > REMEMBERED) this.#delays.shift()
    this.#turned = performance.now()
  }
}
