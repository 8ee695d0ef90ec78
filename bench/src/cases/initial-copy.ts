import { expectEqual } from '../compare.ts'
import { CREATE_MARKER, PEERS } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { pipe } from '../contenders/pipe.ts'
import { Database } from '../database.ts'
import type { Sizes } from '../sizes.ts'
import { seconds, settle } from '../timing.ts'
import type { Case, Context, Metric, Running } from './case.ts'

interface Table {
  readonly ddl: string
  readonly fill: (sizes: Sizes) => string
}

const ROWS: Table = {
  ddl: 'create table copied (id bigint primary key, customer integer not null, status text, amount numeric(12, 2), at timestamptz)',
  fill: ({ copyRows }) => `insert into copied select i, i % 5000, 'paid', (i % 100000) / 7.0,
    timestamptz '2026-01-01 00:00:00Z' + i * interval '1 second' from generate_series(1, ${copyRows}) i`,
}

const LARGE: Table = {
  ddl: `create table copied (id bigint primary key, customer integer not null, reference uuid not null, at timestamptz, body text);
    create index on copied (customer); create index on copied (reference)`,
  fill: ({ largeRows }) => `insert into copied select i, i % 5000, md5(i::text)::uuid,
    timestamptz '2026-01-01 00:00:00Z' + i * interval '1 second',
    repeat(md5(i::text), 29) from generate_series(1, ${largeRows}) i`,
}

async function start({ servers, options, say }: Context, table: Table): Promise<Running> {
  say('filling the master')
  const master = await Database.create(servers.master, 'bench_copy')
  await master.run(`${CREATE_MARKER}; ${table.ddl}`)
  await master.run(table.fill(options.sizes))
  await master.run('vacuum analyze')
  await contender('rserv').capture(master, ['copied'])
  return {
    async measure(name) {
      await using slave = await Database.create(servers.slave, 'bench_slave')
      await slave.run(`${CREATE_MARKER}; ${table.ddl}`)
      await settle(master, slave)
      if (name === 'pipe') {
        const copy = (): Promise<void> =>
          pipe({ db: master, copy: 'copy copied to stdout' }, { db: slave, copy: 'copy copied from stdin' })
        return { seconds: await seconds(copy) }
      }
      const way = contender(name)
      // Ours is there from the beginning, for it changes nothing.
      if (name !== 'rserv') await way.capture(master, ['copied'])
      try {
        const time = await seconds(() => way.copy(master, slave, ['copied']))
        await expectEqual(master, slave, ['copied'])
        return { seconds: time }
      } finally {
        await way.leave(master, slave)
        await master.run('drop publication if exists bench')
      }
    },
    [Symbol.asyncDispose]: () => master[Symbol.asyncDispose](),
  }
}

const metrics: Metric[] = [
  {
    key: 'seconds',
    label: 'time to copy',
    unit: 's',
    against: 'pipe',
    ratio: 'other/rserv',
    must: { atLeast: 0.9 },
    aim: { atLeast: 1 },
  },
  {
    key: 'seconds',
    label: 'time to copy',
    unit: 's',
    against: 'builtin',
    ratio: 'other/rserv',
    must: { atLeast: 1 },
    aim: null,
  },
]

export const copyRows: Case = {
  name: 'copy-rows',
  title: 'initial copy, small rows',
  contenders: ['pipe', 'rserv', 'builtin', ...PEERS],
  roundsFactor: 2 / 3,
  metrics,
  start: (context) => start(context, ROWS),
}

export const copyLarge: Case = {
  name: 'copy-large',
  title: 'initial copy, 1 kB a row, three indexes',
  contenders: ['pipe', 'rserv', 'builtin', ...PEERS],
  roundsFactor: 1 / 3,
  metrics,
  start: (context) => start(context, LARGE),
}
