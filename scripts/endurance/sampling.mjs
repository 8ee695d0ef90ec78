import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const BEAT_MS = 250
const SAMPLE_MS = 1000
/** A process just started loads its code and caches. */
const WARM_UP_SECONDS = 30

/** Measures lag from outside: a row that beats on the master, read on every slave; and the memory of rserv run. */
export class Sampling {
  #world
  #rserv
  #started
  #stopped = false
  #loops
  /** Milliseconds since the epoch of the newest beat. */
  #beat = 0
  /** By slave: `[seconds since the start, seconds behind | null]`, null while its server is away. */
  lags
  /** `{ at, pid, megabytes }` */
  #memory = []

  constructor(world, rserv, started) {
    this.#world = world
    this.#rserv = rserv
    this.#started = started
    this.lags = new Map(world.slaves.map(({ name }) => [name, []]))
    this.#loops = [this.#beats(), ...world.slaves.map((slave) => this.#reads(slave)), this.#weighs()]
  }

  get #seconds() {
    return (Date.now() - this.#started) / 1000
  }

  async #beats() {
    await this.#with(this.#world.master, async (client) => {
      const now = Date.now()
      await client.query('update beat set n = $1', [now])
      this.#beat = now
      await sleep(BEAT_MS)
    })
  }

  async #reads(slave) {
    const series = this.lags.get(slave.name)
    await this.#with(
      slave,
      async (client) => {
        const { rows } = await client.query('select n from beat')
        const seen = Number(rows[0]?.n ?? 0)
        if (seen > 0) series.push([this.#seconds, Math.max(0, (this.#beat - seen) / 1000)])
        await sleep(SAMPLE_MS)
      },
      () => series.push([this.#seconds, null]),
    )
  }

  async #weighs() {
    while (!this.#stopped) {
      const megabytes = this.#rserv.memory()
      if (megabytes !== null) this.#memory.push({ at: this.#seconds, pid: this.#rserv.pid, megabytes })
      await sleep(SAMPLE_MS)
    }
  }

  /** Does it again and again over one connection, which is made anew when it is lost. */
  async #with({ server }, work, lost = () => undefined) {
    while (!this.#stopped) {
      const client = new pg.Client({ ...server.config(), connectionTimeoutMillis: 5000 })
      client.on('error', () => undefined)
      try {
        await client.connect()
        while (!this.#stopped) await work(client)
      } catch {
        lost()
        await sleep(300)
      } finally {
        await client.end().catch(() => undefined)
      }
    }
  }

  async stop() {
    this.#stopped = true
    await Promise.all(this.#loops)
  }

  lagFigures() {
    return Object.fromEntries(
      [...this.lags].map(([name, series]) => {
        const values = series.flatMap(([, lag]) => (lag === null ? [] : [lag])).toSorted((a, b) => a - b)
        const quantile = (share) => values[Math.min(values.length - 1, Math.floor(share * values.length))] ?? null
        const [median, p90, p99] = [0.5, 0.9, 0.99].map(quantile)
        return [name, { samples: values.length, median, p90, p99, maximum: values.at(-1) ?? null }]
      }),
    )
  }

  /** In MB, of each process that lived longer than its warm-up; the growth is a line fitted through its samples. */
  memoryFigures() {
    const pids = [...new Set(this.#memory.map(({ pid }) => pid))]
    const processes = pids.flatMap((pid) => {
      const all = this.#memory.filter((sample) => sample.pid === pid)
      const warm = all.filter(({ at }) => at - all[0].at >= WARM_UP_SECONDS)
      const [first, last] = [warm[0], warm.at(-1)]
      if (!first || !last) return []
      const maximum = Math.max(...all.map(({ megabytes }) => megabytes))
      return [
        {
          seconds: round(last.at - all[0].at),
          first: round(first.megabytes),
          last: round(last.megabytes),
          maximum: round(maximum),
          growthPerHour: round(slope(warm) * 3600),
        },
      ]
    })
    const maximum = Math.max(...this.#memory.map(({ megabytes }) => megabytes))
    return {
      first: processes[0]?.first ?? null,
      last: processes.at(-1)?.last ?? null,
      maximum: round(maximum),
      processes,
    }
  }
}

function round(value) {
  return Math.round(value * 10) / 10
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** MB a second. */
function slope(samples) {
  const [x, y] = [mean(samples.map(({ at }) => at)), mean(samples.map(({ megabytes }) => megabytes))]
  const over = samples.reduce((sum, { at, megabytes }) => sum + (at - x) * (megabytes - y), 0)
  const under = samples.reduce((sum, { at }) => sum + (at - x) ** 2, 0)
  return under === 0 ? 0 : over / under
}
