import { setTimeout as sleep } from 'node:timers/promises'
import { cleanLog } from '@rserv/core'
import { CREATE_MARKER } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { backends } from '../contenders/rserv.ts'
import { Database } from '../database.ts'
import { quantile } from '../stats.ts'
import { seconds } from '../timing.ts'
import type { Case, Context, Running, Sample } from './case.ts'

const HOT = 'create table hot (id bigint primary key, n bigint not null)'
const KEYS = 10_000
const PAUSE_MS = 2

/** Longer waits for a lock are counted as failed writes. */
const LOCK_TIMEOUT_MS = 2
const LOCK_NOT_AVAILABLE = '55P03'

interface Writes {
  /** Milliseconds of each. */
  readonly times: readonly number[]
  /** How many gave up because they had to wait for a lock. */
  readonly waits: number
}

/** The application: one small write after another, until it is stopped. */
async function write(database: Database, stop: AbortSignal): Promise<Writes> {
  const times: number[] = []
  let waits = 0
  await database.run(`set lock_timeout = ${LOCK_TIMEOUT_MS}`)
  while (!stop.aborted) {
    const id = Math.floor(Math.random() * KEYS)
    const one = (): Promise<void> =>
      database.run(`update hot set n = n + 1 where id = ${id}`).catch((error: { code?: string }) => {
        if (error.code !== LOCK_NOT_AVAILABLE) throw error
        waits++
      })
    times.push(1000 * (await seconds(one)))
    await sleep(PAUSE_MS)
  }
  await database.run('reset lock_timeout')
  return { times, waits }
}

async function during<T>(database: Database, work: () => Promise<T>): Promise<Writes & { result: T }> {
  const stop = new AbortController()
  const writing = write(database, stop.signal)
  await sleep(1000)
  const result = await work()
  await sleep(1000)
  stop.abort()
  return { ...(await writing), result }
}

async function measure({ servers, options, say }: Context): Promise<Sample> {
  await using master = await Database.create(servers.master, 'bench_clean')
  await using slave = await Database.create(servers.slave, 'bench_clean_slave')
  const rserv = contender('rserv')
  for (const side of [master, slave]) {
    await side.run(`${CREATE_MARKER}; ${HOT}; insert into hot select i, 0 from generate_series(0, ${KEYS - 1}) i`)
  }
  await rserv.capture(master, ['hot'])
  await rserv.join(master, slave, ['hot'])
  say('making a log')
  await master.run('set synchronous_commit = off')
  for (let rows = 0; rows < options.sizes.cleanRows; rows += KEYS) await master.run('update hot set n = n + 1')
  await master.run('reset synchronous_commit')
  await rserv.catchUp(master, slave)
  // Until the master knows it.
  await rserv.leave(master, slave)
  const before = await during(master, () => sleep(1000))
  const cleaning = await during(master, () => seconds(() => cleanLog(master.config, { olderThanSeconds: 0, backends })))
  const left = Number(await master.value(`select pg_total_relation_size('rserv.log_2')`))
  if (left > 10_000_000) throw new Error(`${left} bytes of log are left`)
  return {
    seconds: cleaning.result,
    p99_before: quantile(before.times, 0.99),
    p99: quantile(cleaning.times, 0.99),
    slowest: Math.max(...cleaning.times),
    waits: cleaning.waits,
  }
}

export const clean: Case = {
  name: 'clean',
  title: 'clean: a long log removed while the application writes',
  contenders: ['rserv'],
  roundsFactor: 0.01,
  metrics: [
    { key: 'seconds', label: 'time', unit: 's', must: { atMost: 1 }, aim: null },
    { key: 'p99_before', label: '99th percentile of a write before', unit: 'ms', must: null, aim: null },
    { key: 'p99', label: '99th percentile of a write meanwhile', unit: 'ms', must: null, aim: null },
    { key: 'slowest', label: 'slowest write meanwhile', unit: 'ms', must: null, aim: null },
    { key: 'waits', label: 'writes that waited for a lock', unit: 'writes', must: { atMost: 0 }, aim: null },
  ],
  start: async (context): Promise<Running> => ({
    measure: () => measure(context),
    [Symbol.asyncDispose]: async () => undefined,
  }),
}
