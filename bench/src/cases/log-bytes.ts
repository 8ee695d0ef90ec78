import { CREATE_MARKER } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import type { Database } from '../database.ts'
import { createTpcb, runTpcb, TPCB_TABLES } from '../loads/tpcb.ts'
import { bulkLoad, CREATE_WIDE, WIDE } from '../loads/wide.ts'
import type { Case } from './case.ts'
import { withPair } from './pair.ts'

/** Heap and index of all logs, by the number of log rows: one a change. */
async function bytesPerChange(master: Database): Promise<number> {
  const { rows } = await master.client.query<{ name: string }>(
    `select oid::regclass::text as name from pg_class where relnamespace = 'rserv'::regnamespace and relname ~ '^log_[0-9]+$'`,
  )
  let bytes = 0
  let changes = 0
  for (const { name } of rows) {
    bytes += Number(
      await master.value(`select pg_total_relation_size('${name}') + pg_total_relation_size('${name}_1')`),
    )
    changes += Number(await master.value(`select count(*) from ${name}`))
  }
  return bytes / changes
}

const must = { atMost: 64 }
const aim = { atMost: 48 }

export const logBytes: Case = {
  name: 'log-bytes',
  title: 'log: heap and index',
  contenders: ['rserv'],
  roundsFactor: 0.01,
  metrics: [
    { key: 'oltp', label: 'a change, one key a transaction', unit: 'bytes', must, aim },
    { key: 'bulk', label: 'a change, many keys a transaction', unit: 'bytes', must, aim },
  ],
  start: async ({ servers, options }) => ({
    async measure() {
      const rserv = contender('rserv')
      const { scale, clients, transactions } = options.sizes
      const tpcb = { ddl: `${CREATE_MARKER}; ${createTpcb(scale)}`, tables: TPCB_TABLES }
      const oltp = await withPair(servers, rserv, tpcb, async ({ master, slave }) => {
        // What a change takes does not depend on their number.
        await runTpcb(master, { scale, clients, transactions: Math.ceil(transactions / 4), durable: false })
        const bytes = await bytesPerChange(master)
        await rserv.catchUp(master, slave)
        return bytes
      })
      const wide = { ddl: `${CREATE_MARKER}; ${CREATE_WIDE}`, tables: [WIDE] }
      const bulk = await withPair(servers, rserv, wide, async ({ master, slave }) => {
        await bulkLoad(master, options.sizes)
        const bytes = await bytesPerChange(master)
        await rserv.catchUp(master, slave)
        return bytes
      })
      return { oltp, bulk }
    },
    [Symbol.asyncDispose]: async () => undefined,
  }),
}
