import type { Granularity } from '@rserv/core'
import { cleanLog, masterAddTables, replicate } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { compareTable, createDatabase } from '@rserv/test-utils'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'
import type { Met, Workload } from '../support/workload.ts'
import { statesOfDuels } from '../support/workload-duels.ts'
import { ISOLATIONS, rservWaits, runWorkload, TABLES, WORKLOAD_DDL } from '../support/workload.ts'

const GRANULARITIES: readonly Granularity[] = ['statement', 'row']

async function capturedPair(granularity: Granularity): Promise<Pair> {
  const pair = await replicatedPair(WORKLOAD_DDL, { label: 'load' })
  await masterAddTables(pair.master.config, { tables: TABLES, granularity, backends })
  return pair
}

async function plainDatabase(): Promise<TestDatabase> {
  const plain = await createDatabase({ label: 'plain' })
  await plain.query(WORKLOAD_DDL)
  return plain
}

function statesOf({ states }: Met): string[] {
  return [...states.keys()].toSorted()
}

/**
 * States that the application meets without any capture: in duels that leave nothing to chance, then in the same
 * workload. Which transactions meet there is chance, so it goes on, with other seeds, until it has met all of `sought`
 * too, but not for ever.
 */
async function statesWithout(plain: TestDatabase, workload: Workload, sought: readonly string[]): Promise<string[]> {
  const found = new Set<string>(await statesOfDuels(plain, workload.isolation))
  for (let round = 0; round < 25; round++) {
    for (const state of statesOf(await runWorkload(plain, { ...workload, seed: workload.seed + round })))
      found.add(state)
    if (sought.every((state) => found.has(state))) break
  }
  return [...found].toSorted()
}

/** A replicator and a cleaner that never rest. */
function startRunning({ master, slave }: Pair): { stop: () => Promise<{ transfers: number; cleanings: number }> } {
  const ending = new AbortController()
  const done = { transfers: 0, cleanings: 0 }
  const repeat = async (work: () => Promise<unknown>, what: keyof typeof done): Promise<void> => {
    while (!ending.signal.aborted) {
      await work()
      done[what]++
    }
  }
  const both = Promise.all([
    repeat(() => replicate(master.config, slave.config), 'transfers'),
    repeat(() => cleanLog(master.config, { olderThanSeconds: 0, backends }), 'cleanings'),
  ])
  both.catch(() => undefined)
  return {
    async stop() {
      ending.abort()
      await both
      return done
    },
  }
}

describe.each(GRANULARITIES)('%s triggers', (granularity) => {
  const seed = Number(process.env['RSERV_TEST_SEED'] ?? Math.floor(Math.random() * 1e6))

  test(`case 66: connections with keys of their own meet what they met before, and never wait (seed ${seed})`, async () => {
    await using pair = await capturedPair(granularity)
    await using plain = await plainDatabase()
    for (const isolation of ['read committed', 'repeatable read'] as const) {
      const workload: Workload = { seed, transactions: 120, isolation, keys: 'own' }
      const without = await runWorkload(plain, workload)
      const met = await runWorkload(pair.master, workload)
      // Nobody meets anybody, so all is as the seed says, the errors of the application's own included.
      expect(new Map(met.states), isolation).toEqual(without.states)
      expect(
        [...met.waits.keys()].filter((what) => !/extend/.test(what)),
        isolation,
      ).toEqual([])
      expect(met.looks).toBeGreaterThan(10)
    }
    for (const table of TABLES) {
      expect(await compareTable(plain, pair.master, table), table).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
    }
    await pair.syncAndCompare(...TABLES)
  })

  test.each(ISOLATIONS)(
    `cases 66, 46: no new SQLSTATE and no wait for anything of rserv's, %s (seed ${seed})`,
    async (isolation) => {
      await using pair = await capturedPair(granularity)
      await using plain = await plainDatabase()
      const workload: Workload = { seed, transactions: 120, isolation, keys: 'shared' }
      const alone = await runWorkload(pair.master, workload)
      const replication = startRunning(pair)
      const together = await runWorkload(pair.master, { ...workload, seed: seed + 100 })
      const { transfers, cleanings } = await replication.stop()
      expect(Math.min(transfers, cleanings)).toBeGreaterThan(1)
      for (const met of [alone, together]) expect(rservWaits(met)).toEqual([])
      // The application waits for itself all the time, which shows that waits are seen.
      expect(Math.min(alone.waits.size, together.waits.size)).toBeGreaterThan(0)
      const states = [...new Set([...statesOf(alone), ...statesOf(together)])]
      expect(await statesWithout(plain, workload, states)).toEqual(expect.arrayContaining(states))
      await pair.syncAndCompare(...TABLES)
    },
  )
})

test('cases 66, 134: an application that truncates one table after another is not the victim of a transfer', async () => {
  await using pair = await replicatedPair('create table a (id int primary key); create table b (id int primary key)')
  await pair.master.query('insert into a values (1); insert into b values (1)')
  const application = await pair.master.connect()
  await application.query('begin; truncate b')
  const transfer = pair.sync()
  transfer.catch(() => undefined)
  // It has a, and waits for b so long that the server has looked for a deadlock on its behalf, and would not again.
  await sleep(1500)
  await application.query('truncate a; insert into a values (2); commit')
  await transfer
  await pair.syncAndCompare('a', 'b')
})
