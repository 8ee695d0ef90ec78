import { setTimeout as sleep } from 'node:timers/promises'
import { keepLog, replicate, switchover } from '@rserv/core'
import pg from 'pg'
import { expectEqual } from '../compare.ts'
import { CREATE_MARKER, MARKER } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { backends } from '../contenders/rserv.ts'
import { Database } from '../database.ts'
import { median } from '../stats.ts'
import type { Case, Context, Running, Sample } from './case.ts'

const ROWS = 10_000
const WRITERS = 10
const DDL = `${CREATE_MARKER}; create table t (id int primary key, v int not null);
  create table entries (id bigserial primary key, t int, at timestamptz default now());
  insert into t select i, 0 from generate_series(1, ${ROWS}) i`
const TABLES = ['t', 'entries']

/** Refused because the master is about to change: an application tries again. */
const READ_ONLY = '25006'
const AGAIN_MS = 5

/** Writers at a steady rate to whoever is the master. */
class Application {
  readonly #nodes: readonly Database[]
  readonly #rate: number
  readonly #stop = new AbortController()
  readonly #clients: pg.Client[][] = []
  readonly #writing: Promise<void>[] = []
  #lastCommit = performance.now()
  current = 0
  committed = 0
  /** Milliseconds between two commits, the longest since it was set. */
  longestGap = 0

  constructor(nodes: readonly Database[], rate: number) {
    this.#nodes = nodes
    this.#rate = rate
  }

  async start(): Promise<void> {
    for (let number = 0; number < WRITERS; number++) {
      const clients = this.#nodes.map(({ config }) => new pg.Client(config))
      for (const client of clients) await client.connect()
      this.#clients.push(clients)
    }
    this.#lastCommit = performance.now()
    this.#writing.push(...this.#clients.map((clients) => this.#write(clients)))
  }

  async #write(clients: readonly pg.Client[]): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const started = performance.now()
      const done = await this.#writeOnce(clients[this.current])
      const rest = done ? (1000 * WRITERS) / this.#rate - (performance.now() - started) : AGAIN_MS
      await sleep(Math.max(0, rest))
    }
  }

  async #writeOnce(client: pg.Client | undefined): Promise<boolean> {
    const id = 1 + Math.floor(Math.random() * ROWS)
    try {
      await client?.query(
        `begin; update t set v = v + 1 where id = ${id}; insert into entries (t) values (${id}); commit`,
      )
    } catch (error) {
      if ((error as { code?: string }).code !== READ_ONLY) throw error
      await client?.query('rollback')
      return false
    }
    const now = performance.now()
    this.longestGap = Math.max(this.longestGap, now - this.#lastCommit)
    this.#lastCommit = now
    this.committed++
    return true
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#writing)
    await Promise.all(this.#clients.flat().map((client) => client.end()))
  }
}

async function measure({ servers, options, say }: Context): Promise<Sample> {
  await using first = await Database.create(servers.master, 'bench_switch')
  await using second = await Database.create(servers.slave, 'bench_switch_slave')
  const nodes = [first, second]
  const rserv = contender('rserv')
  for (const node of nodes) await node.run(DDL)
  await rserv.capture(first, TABLES)
  await rserv.join(first, second, TABLES)
  await rserv.leave(first, second)
  await keepLog(second.config, { backends })
  const application = new Application(nodes, options.sizes.lagRate)
  await application.start()
  const began = performance.now()
  const stops: number[] = []
  const gaps: number[] = []
  for (let round = 0; round < options.sizes.switchovers; round++) {
    await sleep(3000)
    application.longestGap = 0
    const [master, slave] = round % 2 === 0 ? [first, second] : [second, first]
    const onPromoted = async (): Promise<void> => {
      application.current = 1 - application.current
    }
    const { writeStopMs } = await switchover(master.config, slave.config, { onPromoted })
    await sleep(100)
    say(`write-stop: ${writeStopMs} ms`)
    stops.push(writeStopMs ?? 0)
    gaps.push(application.longestGap)
  }
  const seconds = (performance.now() - began) / 1000
  await application.stop()
  const [master, slave] = application.current === 0 ? [first, second] : [second, first]
  await replicate(master.config, slave.config)
  await expectEqual(master, slave, [MARKER, ...TABLES])
  // No commit that the application was told of is missing.
  const found = Number(await master.value('select count(*) from entries'))
  if (found !== application.committed) throw new Error(`${application.committed} were committed, ${found} are there`)
  return {
    median: median(stops),
    most: Math.max(...stops),
    gap: Math.max(...gaps),
    rate: application.committed / seconds,
  }
}

export const writeStop: Case = {
  name: 'write-stop',
  title: 'switchover under load: how long nobody can write',
  contenders: ['rserv'],
  roundsFactor: 0.01,
  metrics: [
    { key: 'median', label: 'stop of writes, median', unit: 'ms', must: null, aim: null },
    { key: 'most', label: 'stop of writes, the longest', unit: 'ms', must: { atMost: 2000 }, aim: { atMost: 500 } },
    { key: 'gap', label: 'longest time between two commits', unit: 'ms', must: null, aim: null },
    { key: 'rate', label: 'transactions a second meanwhile', unit: 'tps', must: null, aim: null },
  ],
  start: async (context): Promise<Running> => ({
    measure: () => measure(context),
    [Symbol.asyncDispose]: async () => undefined,
  }),
}
