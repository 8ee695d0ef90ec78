import type { ServiceEvent } from './events.ts'

/** A reader that falls behind further than this loses the oldest ones: memory stays flat. */
const MOST_WAITING = 10_000

/** Passes events on to any number of readers, each of which sees all from its beginning on. */
export class EventHub {
  readonly #readers = new Set<Reader>()
  #closed = false

  emit(event: ServiceEvent): void {
    for (const reader of this.#readers) reader.push(event)
  }

  /** Readers see what they have not seen yet, and then the end. */
  close(): void {
    this.#closed = true
    for (const reader of this.#readers) reader.close()
  }

  /** Begins now, not when the first event is asked for. */
  read(signal?: AbortSignal): AsyncGenerator<ServiceEvent, void, void> {
    const reader = new Reader()
    if (this.#closed) reader.close()
    this.#readers.add(reader)
    return this.#follow(reader, signal)
  }

  async *#follow(reader: Reader, signal: AbortSignal | undefined): AsyncGenerator<ServiceEvent, void, void> {
    const end = (): void => reader.close()
    signal?.addEventListener('abort', end, { once: true })
    try {
      if (signal?.aborted) return
      yield* reader.events()
    } finally {
      signal?.removeEventListener('abort', end)
      this.#readers.delete(reader)
    }
  }
}

class Reader {
  #waiting: ServiceEvent[] = []
  #closed = false
  #wake: (() => void) | undefined

  push(event: ServiceEvent): void {
    if (this.#waiting.length >= MOST_WAITING) this.#waiting.shift()
    this.#waiting.push(event)
    this.#wake?.()
  }

  close(): void {
    this.#closed = true
    this.#wake?.()
  }

  async *events(): AsyncGenerator<ServiceEvent, void, void> {
    for (;;) {
      const ready = this.#waiting
      this.#waiting = []
      yield* ready
      if (this.#waiting.length > 0) continue
      if (this.#closed) return
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
