import { setTimeout as sleep } from 'node:timers/promises'
import type { ContenderName } from '../contenders/contender.ts'
import { cpuSeconds } from '../processes.ts'
import type { Case, Context, Running } from './case.ts'
import { FollowedPairs } from './following.ts'

const CONTENDERS: readonly ContenderName[] = ['none', 'rserv', 'builtin']

async function start({ servers, options, contenders }: Context): Promise<Running> {
  const { idleSeconds } = options.sizes
  const ddl = 'create table quiet (id bigint primary key, note text)'
  const pairs = await FollowedPairs.create(servers, contenders, { ddl, tables: ['quiet'], label: 'idle' })
  return {
    measure: (name) =>
      pairs.following(name, async (pid) => {
        // What starting took is no idling.
        await sleep(15_000)
        const pids = [servers.master.pid, servers.slave.pid, ...(pid > 0 ? [pid] : [])]
        const before = cpuSeconds(pids)
        await sleep(idleSeconds * 1000)
        return { cpu: (100 * (cpuSeconds(pids) - before)) / idleSeconds }
      }),
    [Symbol.asyncDispose]: () => pairs[Symbol.asyncDispose](),
  }
}

export const idle: Case = {
  name: 'idle',
  title: 'idle: following with nothing to do',
  contenders: CONTENDERS,
  roundsFactor: 1 / 3,
  metrics: [
    {
      key: 'cpu',
      label: 'CPU of both servers and the replicator',
      unit: '% of a core',
      must: { atMost: 1 },
      aim: null,
    },
  ],
  start,
}
