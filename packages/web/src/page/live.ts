import type { ServiceState } from '@rserv/service'

/** How the page hears of changes. */
export type Connection = 'connecting' | 'live' | 'polling' | 'lost'

interface Listeners {
  state(state: ServiceState): void
  connection(connection: Connection): void
}

const POLL_MS = 2000
/** Events that break off so often in a row are given up for asking. */
const GIVE_UP_AFTER = 3

/** Follows the service's state: server-sent events, or asking again and again where a proxy swallows them. */
export class Live {
  readonly #listeners: Listeners
  #events: EventSource | undefined
  #timer: number | undefined
  #failures = 0
  #down = false
  #ended = false

  constructor(listeners: Listeners) {
    this.#listeners = listeners
    listeners.connection('connecting')
    if ('EventSource' in globalThis) this.#listen()
    else void this.#poll()
  }

  /** No more. */
  end(): void {
    this.#ended = true
    this.#events?.close()
    clearTimeout(this.#timer)
  }

  #listen(): void {
    const events = new EventSource('api/events')
    this.#events = events
    // A proxy that holds events back sends nothing, and no error either.
    const silence = window.setTimeout(() => this.#giveUp(), POLL_MS * 2)
    events.addEventListener('state', (event: MessageEvent<string>) => {
      clearTimeout(silence)
      this.#failures = 0
      this.#take(JSON.parse(event.data) as ServiceState, 'live')
    })
    events.addEventListener('error', () => {
      clearTimeout(silence)
      this.#failures++
      if (this.#ended) return
      this.#listeners.connection('lost')
      if (events.readyState === EventSource.CLOSED || this.#failures >= GIVE_UP_AFTER) this.#giveUp()
    })
  }

  #giveUp(): void {
    this.#events?.close()
    if (!this.#ended) void this.#poll()
  }

  async #poll(): Promise<void> {
    try {
      const answer = await fetch('api/state', { cache: 'no-store' })
      if (!answer.ok) throw new Error(String(answer.status))
      this.#take((await answer.json()) as ServiceState, 'polling')
      // The server is back: events again. Where it was there all the time, they do not get through.
      if (this.#down) {
        this.#down = false
        this.#failures = 0
        return this.#listen()
      }
    } catch {
      this.#down = true
      if (!this.#ended) this.#listeners.connection('lost')
    }
    if (!this.#ended) this.#timer = window.setTimeout(() => void this.#poll(), POLL_MS)
  }

  #take(state: ServiceState, connection: Connection): void {
    if (this.#ended) return
    this.#listeners.connection(connection)
    this.#listeners.state(state)
  }
}
