/** Lets one loop sleep until something changes. */
export class Alarm {
  #rung = false
  #wake: (() => void) | undefined

  /** Wakes the sleeper up, or the next one at once. */
  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Sleeps until it rings, and so many milliseconds at most. */
  async wait(ms?: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = ms === undefined ? undefined : setTimeout(resolve, ms)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    this.#wake = undefined
    this.#rung = false
  }
}
