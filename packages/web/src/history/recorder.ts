import type { ServiceState } from '@rserv/service'
import type { Activity } from './activity.ts'
import { activityBetween, remember } from './activity.ts'
import type { History } from './history.ts'
import { LagSeries } from './lag-series.ts'

const KEEP_ACTIVITY = 200
const LOOK_MS = 1000

/** Looks at a state from time to time, and remembers a bounded past: an hour of lag and the last 200 happenings. */
export class Recorder implements Disposable {
  readonly #state: () => ServiceState
  readonly #lag = new LagSeries()
  #activity: Activity[] = []
  readonly #timer: NodeJS.Timeout
  #before: ServiceState | null = null

  /** @param state gives a state that does not change afterwards */
  constructor(state: () => ServiceState) {
    this.#state = state
    this.#look()
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  history(): History {
    return { now: Date.now() / 1000, lag: this.#lag.samples(), activity: this.#activity }
  }

  #look(): void {
    const now = new Date()
    const state = this.#state()
    this.#lag.add(now.getTime() / 1000, state)
    this.#activity = remember(this.#activity, activityBetween(this.#before, state, now.toISOString()), KEEP_ACTIVITY)
    this.#before = state
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
