import { startRun } from '../cli.ts'
import { expectEqual } from '../compare.ts'
import { CREATE_MARKER, MARKER } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { Database } from '../database.ts'
import { createTpcb, runTpcb, TPCB_TABLES } from '../loads/tpcb.ts'
import { cpuSeconds } from '../processes.ts'
import type { Case, Context, Running, Sample } from './case.ts'

const RATE = 100

/** CPU seconds of the master's server for the same load, followed by so many slaves. */
async function work({ servers, options }: Context, count: number): Promise<number> {
  await using master = await Database.create(servers.master, 'bench_slaves')
  const ddl = `${CREATE_MARKER}; ${createTpcb(1)}`
  await master.run(ddl)
  const rserv = contender('rserv')
  await rserv.capture(master, TPCB_TABLES)
  const slaves: Database[] = []
  try {
    for (let index = 0; index < count; index++) {
      const slave = await Database.create(servers.slave, `bench_slaves_${index}`)
      slaves.push(slave)
      await slave.run(ddl)
      await rserv.join(master, slave, TPCB_TABLES)
    }
    const follower = await startRun(master, slaves)
    const before = cpuSeconds([servers.master.pid])
    await runTpcb(master, { scale: 1, clients: 2, seconds: options.sizes.slavesSeconds, rate: RATE, durable: true })
    const used = cpuSeconds([servers.master.pid]) - before
    await follower.stop()
    for (const slave of slaves) {
      await rserv.catchUp(master, slave)
      await expectEqual(master, slave, [MARKER, ...TPCB_TABLES])
    }
    return used
  } finally {
    for (const slave of slaves) await slave[Symbol.asyncDispose]()
  }
}

export const manySlaves: Case = {
  name: 'many-slaves',
  title: 'many slaves: CPU of the master’s server, against one slave',
  contenders: ['rserv'],
  roundsFactor: 0.01,
  metrics: [
    { key: 'none', label: 'followed by none', unit: 's', must: null, aim: null },
    { key: 'one', label: 'followed by one', unit: 's', must: null, aim: null },
    { key: 'many', label: 'followed by many', unit: 's', must: null, aim: null },
    { key: 'times', label: 'what many add, against what one adds', unit: 'times', must: { atMost: 4 }, aim: null },
  ],
  start: async (context): Promise<Running> => ({
    async measure(): Promise<Sample> {
      const none = await withoutSlaves(context)
      const one = await work(context, 1)
      const many = await work(context, context.options.sizes.slaves)
      return { none, one, many, times: (many - none) / (one - none) }
    },
    [Symbol.asyncDispose]: async () => undefined,
  }),
}

async function withoutSlaves({ servers, options }: Context): Promise<number> {
  await using master = await Database.create(servers.master, 'bench_slaves')
  await master.run(`${CREATE_MARKER}; ${createTpcb(1)}`)
  await contender('rserv').capture(master, TPCB_TABLES)
  const before = cpuSeconds([servers.master.pid])
  await runTpcb(master, { scale: 1, clients: 2, seconds: options.sizes.slavesSeconds, rate: RATE, durable: true })
  return cpuSeconds([servers.master.pid]) - before
}
