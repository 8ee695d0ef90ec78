import { contender } from '../contenders/index.ts'
import { CREATE_MARKER, PEERS } from '../contenders/contender.ts'
import { Database } from '../database.ts'
import { createTpcb, runTpcb, TPCB_TABLES } from '../loads/tpcb.ts'
import { bulkLoad, CREATE_WIDE, deleteWide, WIDE } from '../loads/wide.ts'
import type { Servers } from '../servers.ts'
import type { Sizes } from '../sizes.ts'
import { seconds, settle } from '../timing.ts'
import type { Case, Metric } from './case.ts'
import type { PairSetup } from './pair.ts'
import { withPair } from './pair.ts'

interface Backlog {
  readonly name: string
  readonly title: string
  readonly must: number
  readonly aim: number | null
  readonly roundsFactor: number
  readonly setup: (sizes: Sizes) => PairSetup
  /** Changes that the slave has to catch up with. */
  readonly load: (master: Database, sizes: Sizes) => Promise<void>
}

function catchUpCase({ name, title, must, aim, roundsFactor, setup, load }: Backlog): Case {
  const metric: Metric = {
    key: 'seconds',
    label: 'time to catch up',
    unit: 's',
    against: 'builtin',
    ratio: 'other/rserv',
    must: { atLeast: must },
    aim: aim === null ? null : { atLeast: aim },
  }
  return {
    name,
    title,
    contenders: ['rserv', 'builtin', ...PEERS],
    roundsFactor,
    metrics: [metric],
    async start({ servers, options, say }) {
      const pair = setup(options.sizes)
      const template = 'bench_template'
      for (const server of [servers.master, servers.slave]) await makeTemplate(server, template, pair.ddl ?? '')
      return {
        measure: (who) =>
          withPair(servers, contender(who), { template, tables: pair.tables }, async ({ master, slave }) => {
            say(`${who}: changes`)
            await load(master, options.sizes)
            await settle(master, slave)
            say(`${who}: catching up`)
            return { seconds: await seconds(() => contender(who).catchUp(master, slave)) }
          }),
        [Symbol.asyncDispose]: () => dropTemplates(servers, template),
      }
    },
  }
}

async function makeTemplate(server: Servers['master'], name: string, ddl: string): Promise<void> {
  const database = await Database.create(server, name)
  await database.run(ddl)
  await database.run('vacuum analyze')
  await database.close()
}

async function dropTemplates(servers: Servers, name: string): Promise<void> {
  for (const server of [servers.master, servers.slave]) {
    const database = await Database.create(server, name)
    await database[Symbol.asyncDispose]()
  }
}

export const catchUpWide = catchUpCase({
  name: 'catch-up-wide',
  title: 'catch-up, wide: the bulk changes and deletes',
  must: 4,
  aim: 8,
  roundsFactor: 2 / 3,
  setup: () => ({ ddl: `${CREATE_MARKER}; ${CREATE_WIDE}`, tables: [WIDE] }),
  async load(master, sizes) {
    await master.run('set synchronous_commit = off')
    await bulkLoad(master, sizes)
    await deleteWide(master, sizes.wideDeletes)
    await master.run('reset synchronous_commit')
  },
})

export const catchUpOltp = catchUpCase({
  name: 'catch-up-oltp',
  title: 'catch-up, OLTP: TPC-B transactions',
  must: 4,
  aim: 10,
  roundsFactor: 1 / 3,
  setup: ({ scale }) => ({ ddl: `${CREATE_MARKER}; ${createTpcb(scale)}`, tables: TPCB_TABLES }),
  async load(master, { scale, clients, transactions }) {
    await runTpcb(master, { scale, clients, transactions, durable: false })
  },
})

const CREATE_HOT = `create table hot (id bigint primary key, n bigint not null, note text)`

export const catchUpHot = catchUpCase({
  name: 'catch-up-hot',
  title: 'catch-up, hot: updates of the same few rows',
  must: 50,
  aim: null,
  roundsFactor: 1,
  setup: ({ hotRows }) => ({
    ddl: `${CREATE_MARKER}; ${CREATE_HOT}; insert into hot select i, 0, md5(i::text) from generate_series(1, ${hotRows}) i`,
    tables: ['hot'],
  }),
  async load(master, { hotRows, hotUpdates }) {
    await master.run('set synchronous_commit = off')
    for (let done = 0; done < hotUpdates; done += hotRows) await master.run('update hot set n = n + 1')
    await master.run('reset synchronous_commit')
  },
})
