import { keepLog, promote, rejoin as rejoinOld, replicate } from '@rserv/core'
import { expectEqual } from '../compare.ts'
import { CREATE_MARKER, MARKER } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { backends } from '../contenders/rserv.ts'
import { Database } from '../database.ts'
import { seconds, settle } from '../timing.ts'
import type { Case, Context, Running, Sample } from './case.ts'

/** Of how many rows one is changed on the old master; another as many are on the new one. */
const SHARES = [
  { key: 'thousandth', label: '0.1 % of the rows differ', one: 1000 },
  { key: 'hundredth', label: '1 % of the rows differ', one: 100 },
  { key: 'tenth', label: '10 % of the rows differ', one: 10 },
] as const

interface Nodes extends AsyncDisposable {
  readonly old: Database
  readonly next: Database
}

/** Two nodes with equal rows, of which the second one was promoted, and both have been written since. */
async function diverged({ servers, options }: Context, one: number): Promise<Nodes> {
  const old = await Database.create(servers.master, 'bench_rejoin')
  const next = await Database.create(servers.slave, 'bench_rejoin_new')
  const ddl = `${CREATE_MARKER}; create table t (id bigint primary key, n bigint, note text);
    insert into t select i, 0, md5(i::text) from generate_series(1, ${options.sizes.rejoinRows}) i`
  for (const node of [old, next]) await node.run(ddl)
  const rserv = contender('rserv')
  await rserv.capture(old, ['t'])
  await rserv.join(old, next, ['t'])
  await rserv.leave(old, next)
  await keepLog(next.config, { backends })
  await replicate(old.config, next.config)
  await promote(next.config)
  await old.run(`update t set n = -1 where id % ${2 * one} in (0, 1)`)
  // Half of them are those of the old one.
  await next.run(`update t set n = 1 where id % ${2 * one} in (1, 2)`)
  for (const node of [old, next]) await node.run('vacuum analyze t')
  await settle(old, next)
  return {
    old,
    next,
    async [Symbol.asyncDispose]() {
      await old[Symbol.asyncDispose]()
      await next[Symbol.asyncDispose]()
    },
  }
}

async function measureShare(context: Context, one: number): Promise<number> {
  await using nodes = await diverged(context, one)
  const { old, next } = nodes
  const took = await seconds(() => rejoinOld(old.config, next.config))
  await expectEqual(next, old, [MARKER, 't'])
  return took
}

/** The old master anew, as without rejoin: an empty database that is filled. */
async function measureCopy(context: Context): Promise<number> {
  await using nodes = await diverged(context, 100)
  await using fresh = await Database.create(context.servers.master, 'bench_rejoin_copy')
  await fresh.run('create table t (id bigint primary key, n bigint, note text)')
  const rserv = contender('rserv')
  const took = await seconds(() => rserv.copy(nodes.next, fresh, ['t']))
  await rserv.leave(nodes.next, fresh)
  await expectEqual(nodes.next, fresh, ['t'])
  return took
}

export const rejoin: Case = {
  name: 'rejoin',
  title: 'rejoin of the old master: by how much differs, against a copy',
  contenders: ['rserv'],
  roundsFactor: 0.01,
  metrics: [
    ...SHARES.map(({ key, label }) => ({ key, label, unit: 's', must: null, aim: null })),
    { key: 'copy', label: 'a full copy instead', unit: 's', must: null, aim: null },
    { key: 'times', label: 'a copy, against 1 % that differs', unit: 'times', must: null, aim: null },
  ],
  start: async (context): Promise<Running> => ({
    async measure(): Promise<Sample> {
      const sample: Sample = {}
      for (const { key, one } of SHARES) {
        context.say(`rejoin: one row of ${one}`)
        sample[key] = await measureShare(context, one)
      }
      const copy = await measureCopy(context)
      return { ...sample, copy, times: copy / (sample['hundredth'] ?? Number.NaN) }
    },
    [Symbol.asyncDispose]: async () => undefined,
  }),
}
