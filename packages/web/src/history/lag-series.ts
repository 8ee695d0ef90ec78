import type { ServiceState } from '@rserv/service'
import { followed } from './slaves.ts'

/** Least seconds between two samples. */
export const EVERY_SECONDS = 2
/** Most samples; the oldest go: an hour. */
const KEEP_SAMPLES = 1800

/** How far a slave was behind at each of the series' times; null where it was not known. */
export interface SlaveLag {
  readonly seconds: (number | null)[]
  readonly rows: (number | null)[]
}

/** As JSON. */
export interface LagSamples {
  /** Unix times, seconds, ascending. */
  readonly times: number[]
  readonly slaves: Record<string, SlaveLag>
}

/** Lag over time, of bounded length. The page and the server both keep one. */
export class LagSeries implements LagSamples {
  readonly times: number[]
  readonly slaves: Record<string, SlaveLag>

  constructor(samples: LagSamples = { times: [], slaves: {} }) {
    this.times = [...samples.times]
    this.slaves = Object.assign(Object.create(null) as Record<string, SlaveLag>, samples.slaves)
  }

  /** Takes a sample, unless the last one is too young. @param now Unix time, seconds @param state null: not known */
  add(now: number, state: ServiceState | null): boolean {
    const last = this.times.at(-1)
    if (last !== undefined && now - last < EVERY_SECONDS) return false
    this.times.push(now)
    for (const { key, slave } of state ? followed(state) : []) {
      const lag = (this.slaves[key] ??= this.#unknown(this.times.length - 1))
      lag.seconds.push(slave.secondsBehind)
      lag.rows.push(slave.rowsBehind)
    }
    for (const lag of Object.values(this.slaves)) {
      if (lag.seconds.length < this.times.length) lag.seconds.push(null)
      if (lag.rows.length < this.times.length) lag.rows.push(null)
    }
    this.#trim()
    return true
  }

  /** The whole of it, as JSON. */
  samples(): LagSamples {
    return { times: this.times, slaves: this.slaves }
  }

  #unknown(length: number): SlaveLag {
    return { seconds: Array<null>(length).fill(null), rows: Array<null>(length).fill(null) }
  }

  #trim(): void {
    const extra = this.times.length - KEEP_SAMPLES
    if (extra <= 0) return
    this.times.splice(0, extra)
    for (const [key, lag] of Object.entries(this.slaves)) {
      lag.seconds.splice(0, extra)
      lag.rows.splice(0, extra)
      // A slave that left with a changed configuration.
      if (lag.seconds.every((value) => value === null) && lag.rows.every((value) => value === null)) {
        delete this.slaves[key]
      }
    }
  }
}
