import type { ServiceEvent } from '@rserv/service'
import type { Log } from './log.ts'

interface Sums {
  readonly master: string
  readonly slave: string
  transfers: number
  rows: number
  bytes: number
  failures: number
}

/**
 * Sums up what was applied, for logs that leave the single transfers out: give it every event, and ask it to tell from
 * time to time.
 */
export class Moved {
  readonly #sums = new Map<string, Sums>()

  note(event: ServiceEvent): void {
    const { master, slave } = event
    if (master === null || slave === null || (event.kind !== 'applied' && event.kind !== 'failed')) return
    const key = JSON.stringify([master, slave])
    const sums = this.#sums.get(key) ?? { master, slave, transfers: 0, rows: 0, bytes: 0, failures: 0 }
    this.#sums.set(key, sums)
    if (event.kind === 'failed') sums.failures++
    else {
      sums.transfers++
      sums.rows += event.rows
      sums.bytes += event.bytes
    }
  }

  /** One line for each slave that something happened to since the last time. */
  tell(log: Log): void {
    for (const sums of this.#sums.values()) {
      const { transfers, rows, bytes, failures } = sums
      const failed = failures > 0 ? `, ${failures} failed` : ''
      log.say('moved', `${transfers} transfers, ${rows} rows, ${bytes} bytes${failed}`, { ...sums })
    }
    this.#sums.clear()
  }
}
