import { setTimeout as sleep } from 'node:timers/promises'
import { MARKER, PEERS } from '../contenders/contender.ts'
import type { ContenderName } from '../contenders/contender.ts'
import type { Database } from '../database.ts'
import { createTpcb, runTpcb, TPCB_TABLES } from '../loads/tpcb.ts'
import { quantile } from '../stats.ts'
import type { Case, Context, Metric, Running, Sample } from './case.ts'
import { FollowedPairs } from './following.ts'

const CONTENDERS: readonly ContenderName[] = ['rserv', 'builtin', ...PEERS]

/** Milliseconds from the commit of a marker on the master to its being visible on the slave. */
async function oneLag(master: Database, slave: Database): Promise<number> {
  const id = await master.value(
    `insert into ${MARKER} (id) select coalesce(max(id), 0) + 1 from ${MARKER} returning id`,
  )
  const committed = performance.now()
  while ((await slave.value(`select count(*) from ${MARKER} where id = ${id}`)) !== '1') await sleep(1)
  return performance.now() - committed
}

async function sampleLags(master: Database, slave: Database, ms: number): Promise<number[]> {
  const lags: number[] = []
  const until = performance.now() + ms
  while (performance.now() < until) {
    lags.push(await oneLag(master, slave))
    // At no fixed place of anybody's rhythm.
    await sleep(5 + Math.random() * 20)
  }
  return lags
}

async function start({ servers, options, contenders, say }: Context): Promise<Running> {
  const { lagRate, lagSeconds, clients } = options.sizes
  say('setting pairs up')
  const pairs = await FollowedPairs.create(servers, contenders, {
    ddl: createTpcb(1),
    tables: TPCB_TABLES,
    label: 'lag',
  })
  return {
    async measure(name) {
      const { master, slave } = pairs.get(name)
      const sample: Sample = {}
      for (const commit of ['on', 'off']) {
        for (const { client, name: database } of [master, slave]) {
          await client.query(`alter database ${database} set synchronous_commit = ${commit}`)
          await client.query(`set synchronous_commit = ${commit}`)
        }
        const lags = await pairs.following(name, async () => {
          const load = runTpcb(master, { scale: 1, clients, seconds: lagSeconds + 1, rate: lagRate, durable: true })
          // The first second warms up.
          await sleep(1000)
          const measured = await sampleLags(master, slave, lagSeconds * 1000 - 200)
          await load
          return measured
        })
        sample[`p50_${commit}`] = quantile(lags, 0.5)
        sample[`p99_${commit}`] = quantile(lags, 0.99)
      }
      return sample
    },
    [Symbol.asyncDispose]: () => pairs[Symbol.asyncDispose](),
  }
}

function againstBuiltin(key: string, label: string): Metric {
  return { key, label, unit: 'ms', against: 'builtin', ratio: 'rserv/other', must: null, aim: { atMost: 1 } }
}

function metrics(commit: 'on' | 'off'): Metric[] {
  const label = `synchronous_commit = ${commit}`
  return [
    { key: `p50_${commit}`, label: `median, ${label}`, unit: 'ms', must: { atMost: 15 }, aim: null },
    { key: `p99_${commit}`, label: `99th percentile, ${label}`, unit: 'ms', must: { atMost: 60 }, aim: null },
    againstBuiltin(`p50_${commit}`, `median, ${label}`),
    againstBuiltin(`p99_${commit}`, `99th percentile, ${label}`),
  ]
}

export const lag: Case = {
  name: 'lag',
  title: 'lag: from commit to visible on the slave, TPC-B at a fixed rate',
  contenders: CONTENDERS,
  roundsFactor: 2 / 3,
  metrics: [...metrics('on'), ...metrics('off')],
  start,
}
