import { cpuSeconds } from '../processes.ts'
import { startRun } from '../cli.ts'
import { CREATE_MARKER } from '../contenders/contender.ts'
import type { ContenderName } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { Database } from '../database.ts'
import { median } from '../stats.ts'
import { seconds, settle } from '../timing.ts'
import type { Case, Context, Sample } from './case.ts'
import { withPair } from './pair.ts'

/** What it costs as one thing grows: a sample has a figure for each size. */
interface Growth {
  readonly name: string
  readonly title: string
  readonly unit: string
  /** What grows. */
  readonly of: string
  readonly sizes: (quick: boolean) => readonly number[]
  readonly contenders: readonly ContenderName[]
  readonly measure: (context: Context, who: ContenderName, size: number) => Promise<number>
}

function growthCase({ name, title, unit, of, sizes, contenders, measure }: Growth): Case {
  return {
    name,
    title,
    contenders,
    roundsFactor: 0.01,
    growth: { of, unit },
    metrics: [],
    start: async (context) => ({
      async measure(who) {
        const sample: Sample = {}
        for (const size of sizes(context.options.quick)) {
          context.say(`${name}: ${who}, ${size} ${of}`)
          sample[String(size)] = await measure(context, who, size)
        }
        return sample
      },
      [Symbol.asyncDispose]: async () => undefined,
    }),
  }
}

const T = `${CREATE_MARKER}; create table t (id bigint primary key, n bigint, note text)`

/** Seconds to catch up with what the load did to a table of so many rows. */
function catchUp({ servers }: Context, who: ContenderName, rows: number, load: readonly string[]): Promise<number> {
  const ddl = `${T}; insert into t select i, 0, md5(i::text) from generate_series(1, ${rows}) i`
  return withPair(servers, contender(who), { ddl, tables: ['t'] }, async ({ master, slave }) => {
    await master.run('vacuum analyze')
    await master.run('set synchronous_commit = off')
    for (const statement of load) await master.run(statement)
    await master.run('reset synchronous_commit')
    await settle(master, slave)
    return seconds(() => contender(who).catchUp(master, slave))
  })
}

export const growthRows = growthCase({
  name: 'growth-rows',
  title: 'catching up with changed rows',
  unit: 's',
  of: 'changed rows of 1,000,000',
  sizes: (quick) => (quick ? [1000, 2000, 4000, 8000] : [10_000, 40_000, 160_000, 640_000]),
  contenders: ['rserv', 'builtin'],
  measure: (context, who, size) =>
    catchUp(context, who, context.options.quick ? 20_000 : 1_000_000, [
      `update t set n = n + 1 where id in (select id from t order by note limit ${size})`,
    ]),
})

export const growthBacklog = growthCase({
  name: 'growth-backlog',
  title: 'catching up with updates of the same 1,000 rows',
  unit: 's',
  of: 'updates',
  sizes: (quick) => (quick ? [1000, 5000, 25_000, 50_000] : [10_000, 50_000, 250_000, 1_000_000]),
  contenders: ['rserv', 'builtin'],
  measure: (context, who, size) =>
    catchUp(
      context,
      who,
      1000,
      Array.from({ length: size / 1000 }, () => 'update t set n = n + 1'),
    ),
})

export const growthTables = growthCase({
  name: 'growth-tables',
  title: 'one sync with one changed table',
  unit: 'ms',
  of: 'tables',
  sizes: (quick) => (quick ? [5, 10, 20, 40] : [10, 50, 250, 1000]),
  contenders: ['rserv'],
  measure({ servers }, who, size) {
    const tables = Array.from({ length: size }, (_, index) => `t_${index + 1}`)
    const ddl = [CREATE_MARKER, ...tables.map((name) => `create table ${name} (id bigint primary key)`)].join('; ')
    return withPair(servers, contender(who), { ddl, tables }, async ({ master, slave }) => {
      const times: number[] = []
      for (let id = 1; id <= 7; id++) {
        await master.run(`insert into t_1 values (${id})`)
        times.push(1000 * (await seconds(() => contender(who).catchUp(master, slave))))
        await contender(who).leave(master, slave)
      }
      return median(times)
    })
  },
})

export const growthSlaves = growthCase({
  name: 'growth-slaves',
  title: 'CPU of the master’s server, 100 writes a second followed by slaves',
  unit: '% of a core',
  of: 'slaves',
  sizes: (quick) => (quick ? [1, 2, 3, 4] : [1, 2, 4, 8]),
  contenders: ['rserv'],
  async measure({ servers, options }, who, size) {
    await using master = await Database.create(servers.master, 'bench_growth')
    await master.run(T)
    await contender(who).capture(master, ['t'])
    const slaves: Database[] = []
    try {
      for (let index = 0; index < size; index++) {
        const slave = await Database.create(servers.slave, `bench_growth_${index}`)
        slaves.push(slave)
        await slave.run(T)
        await contender(who).join(master, slave, ['t'])
      }
      const follower = await startRun(master, slaves)
      const before = cpuSeconds([servers.master.pid])
      const ms = options.quick ? 1000 : 5000
      const until = performance.now() + ms
      for (let id = 1; performance.now() < until; id++) {
        await master.run(`insert into t values (${id})`)
        await new Promise((resolve) => setTimeout(resolve, 9))
      }
      const used = cpuSeconds([servers.master.pid]) - before
      await follower.stop()
      return (100 * used) / (ms / 1000)
    } finally {
      for (const slave of slaves) await slave[Symbol.asyncDispose]()
    }
  },
})
