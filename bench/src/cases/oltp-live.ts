import type { ContenderName } from '../contenders/contender.ts'
import { PEERS } from '../contenders/contender.ts'
import { createTpcb, runTpcb, TPCB_TABLES } from '../loads/tpcb.ts'
import { settle } from '../timing.ts'
import type { Case, Context, Running } from './case.ts'
import { FollowedPairs } from './following.ts'

const CONTENDERS: readonly ContenderName[] = ['none', 'rserv', 'builtin', ...PEERS]

const WARM_UP_SECONDS = 2

async function start({ servers, options, contenders, say }: Context): Promise<Running> {
  const { scale, clients, oltpSeconds } = options.sizes
  say('setting pairs up')
  const pairs = await FollowedPairs.create(servers, contenders, {
    ddl: createTpcb(scale),
    tables: TPCB_TABLES,
    label: 'live',
  })
  return {
    async measure(name) {
      const { master, slave } = pairs.get(name)
      await settle(master, slave)
      return pairs.following(name, async () => {
        // Programs that have just started are not what runs for days.
        await runTpcb(master, { scale, clients, seconds: WARM_UP_SECONDS, durable: true })
        const { tps } = await runTpcb(master, { scale, clients, seconds: oltpSeconds, durable: true })
        return { tps }
      })
    },
    [Symbol.asyncDispose]: () => pairs[Symbol.asyncDispose](),
  }
}

export const oltpLive: Case = {
  name: 'oltp-live',
  title: 'master, OLTP, live: TPC-B, replicator following',
  contenders: CONTENDERS,
  roundsFactor: 4 / 3,
  metrics: [
    {
      key: 'tps',
      label: 'transactions a second',
      unit: 'tps',
      against: 'none',
      ratio: 'rserv/other',
      must: { atLeast: 0.8 },
      aim: { atLeast: 0.9 },
    },
    {
      key: 'tps',
      label: 'the same against built-in replication',
      unit: 'tps',
      against: 'builtin',
      ratio: 'rserv/other',
      must: { atLeast: 1 },
      aim: null,
    },
  ],
  start,
}
