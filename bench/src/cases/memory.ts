import { peakOf } from '../cli.ts'
import { expectEqual } from '../compare.ts'
import { CREATE_MARKER } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { Database } from '../database.ts'
import type { Case, Context, Running, Sample } from './case.ts'

const LARGE = 'create table large (id bigint primary key, body text)'
const HUGE = 'create table huge (id bigint primary key, body bytea); alter table huge alter body set storage external'

async function start({ servers, options, say }: Context): Promise<Running> {
  const { largeRows, hugeMegabytes, hugeRows } = options.sizes
  const master = await Database.create(servers.master, 'bench_memory')
  await master.run(`${CREATE_MARKER}; ${LARGE}; ${HUGE}`)
  await contender('rserv').capture(master, ['large', 'huge'])
  return {
    async measure(): Promise<Sample> {
      await using slave = await Database.create(servers.slave, 'bench_memory_slave')
      await slave.run(`${CREATE_MARKER}; ${LARGE}; ${HUGE}`)
      await contender('rserv').join(master, slave, ['large', 'huge'])
      const sample: Sample = {}
      say('one row')
      await master.run(`truncate large, huge; insert into large values (0, 'one')`)
      sample['base'] = await peakOf('replicate', master, slave)
      say('a large table')
      await master.run(`insert into large select i, repeat(md5(i::text), 31)
        from generate_series(1, ${largeRows}) i`)
      sample['large'] = await peakOf('replicate', master, slave)
      say('huge rows')
      await master.run(`insert into huge select i, decode(repeat(md5(i::text), ${hugeMegabytes * 65_536}), 'hex')
        from generate_series(1, ${hugeRows}) i`)
      sample['huge'] = await peakOf('replicate', master, slave)
      sample['huge_rows'] = ((sample['huge'] ?? 0) - (sample['base'] ?? 0)) / hugeMegabytes
      await expectEqual(master, slave, ['large', 'huge'])
      return sample
    },
    [Symbol.asyncDispose]: () => master[Symbol.asyncDispose](),
  }
}

export const memory: Case = {
  name: 'memory',
  title: 'memory: most that the replicating process holds',
  contenders: ['rserv'],
  roundsFactor: 0.01,
  metrics: [
    { key: 'base', label: 'for one row', unit: 'MB', must: null, aim: null },
    { key: 'large', label: 'for a large transfer', unit: 'MB', must: { atMost: 150 }, aim: null },
    { key: 'huge_rows', label: 'for huge rows, above that for one row', unit: 'rows', must: { atMost: 5 }, aim: null },
  ],
  start,
}
