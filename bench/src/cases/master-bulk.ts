import { contender } from '../contenders/index.ts'
import { CREATE_MARKER } from '../contenders/contender.ts'
import { bulkLoad, CREATE_WIDE, WIDE } from '../loads/wide.ts'
import { seconds, settle } from '../timing.ts'
import type { Case } from './case.ts'
import { withPair } from './pair.ts'

export const masterBulk: Case = {
  name: 'master-bulk',
  title: 'master, bulk: one large INSERT, then many updates of 1,000 rows',
  contenders: ['none', 'rserv', 'builtin'],
  metrics: [
    {
      key: 'seconds',
      label: 'time',
      unit: 's',
      against: 'none',
      ratio: 'rserv/other',
      must: { atMost: 1.35 },
      aim: { atMost: 1.2 },
    },
  ],
  start: async ({ servers, options }) => ({
    measure: (name) =>
      withPair(servers, contender(name), { ddl: `${CREATE_MARKER}; ${CREATE_WIDE}`, tables: [WIDE] }, async (pair) => {
        await settle(pair.master)
        const time = await seconds(() => bulkLoad(pair.master, options.sizes))
        await contender(name).catchUp(pair.master, pair.slave)
        return { seconds: time }
      }),
    [Symbol.asyncDispose]: async () => undefined,
  }),
}
