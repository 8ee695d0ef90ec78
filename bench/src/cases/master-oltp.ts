import { contender } from '../contenders/index.ts'
import type { ContenderName } from '../contenders/contender.ts'
import { CREATE_MARKER } from '../contenders/contender.ts'
import { Database } from '../database.ts'
import { createTpcb, runTpcb, TPCB_TABLES } from '../loads/tpcb.ts'
import { settle } from '../timing.ts'
import type { Case, Context, Running } from './case.ts'

const CONTENDERS: readonly ContenderName[] = ['none', 'rserv', 'builtin', 'slony', 'londiste']

/** One database for each contender, which take turns. */
async function start({ servers, options, contenders, say }: Context): Promise<Running> {
  const { scale, clients, oltpSeconds } = options.sizes
  const databases = new Map<ContenderName, Database>()
  for (const name of contenders) {
    say(`setting ${name} up`)
    const database = await Database.create(servers.master, `bench_oltp_${name}`)
    await database.run(`${CREATE_MARKER}; ${createTpcb(scale)}`)
    await contender(name).capture(database, TPCB_TABLES)
    await database.run('vacuum analyze')
    databases.set(name, database)
  }
  return {
    async measure(name) {
      const database = databases.get(name)
      if (!database) throw new Error(`no database for ${name}`)
      await settle(database)
      const { tps } = await runTpcb(database, { scale, clients, seconds: oltpSeconds, durable: true })
      return { tps }
    },
    async [Symbol.asyncDispose]() {
      for (const [name, database] of databases) {
        await contender(name).leave(database)
        await database[Symbol.asyncDispose]()
      }
    },
  }
}

export const masterOltp: Case = {
  name: 'master-oltp',
  title: 'master, OLTP: TPC-B, replicator stopped',
  contenders: CONTENDERS,
  roundsFactor: 8 / 3,
  metrics: [
    {
      key: 'tps',
      label: 'transactions a second',
      unit: 'tps',
      against: 'none',
      ratio: 'rserv/other',
      must: { atLeast: 0.9 },
      aim: { atLeast: 0.95 },
    },
  ],
  start,
}
