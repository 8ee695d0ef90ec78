import { follow } from '@rserv/core'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { CREATE_MARKER } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { expectEqual } from '../compare.ts'
import { Database } from '../database.ts'
import { median } from '../stats.ts'
import { seconds } from '../timing.ts'
import type { Case, Context, Running, Sample } from './case.ts'

const REPEAT = 9

/** Milliseconds that the server has spent on statements in a database, those of closed connections included. */
async function activeMs(database: Database): Promise<number> {
  // A session reports when it ends, which it does after its client was told.
  await sleep(50)
  return Number(await database.value(`select active_time from pg_stat_database where datname = current_database()`))
}

/** Autovacuum would be somebody who writes. Over a connection that ends: what a session has spent may be reported much later. */
async function vacuum({ config }: Database): Promise<void> {
  const client = new pg.Client(config)
  await client.connect()
  await client.query('vacuum analyze')
  await client.end()
}

/** One that follows takes a full look so often, in milliseconds; in between it asks whether anybody has written anything. */
const FULL_LOOK_MS = 5000

/**
 * Milliseconds that both servers spend on a full look at idle tables, with the few smaller looks until the next.
 * @param meanwhile is done as often as there is a full look, at any time between two
 */
async function watched(master: Database, slave: Database, meanwhile: () => Promise<unknown>): Promise<number> {
  const stop = new AbortController()
  const following = (async () => {
    for await (const event of follow(master.config, slave.config, { stop: stop.signal, idleMs: FULL_LOOK_MS }))
      void event
  })()
  await sleep(FULL_LOOK_MS * 6)
  const before = (await activeMs(master)) + (await activeMs(slave))
  for (let look = 0; look < 4; look++) {
    await meanwhile()
    await sleep(FULL_LOOK_MS)
  }
  const spent = (await activeMs(master)) + (await activeMs(slave)) - before
  stop.abort()
  await following
  return spent / 4
}

/** Milliseconds of each transfer of one changed row, while it follows. */
async function followed(master: Database, slave: Database, insert: () => Promise<unknown>): Promise<number[]> {
  const stop = new AbortController()
  const times: number[] = []
  for await (const event of follow(master.config, slave.config, { stop: stop.signal })) {
    if (event.kind === 'applied') times.push(event.result.elapsedMs)
    if (times.length === REPEAT) stop.abort()
    else if (event.kind === 'in-sync') await insert()
  }
  return times
}

async function start({ servers, options, say }: Context): Promise<Running> {
  const { tables } = options.sizes
  const names = Array.from({ length: tables }, (_, index) => `many_${index + 1}`)
  const ddl = names.map((name) => `create table ${name} (id bigint primary key, note text)`)
  const master = await Database.create(servers.master, 'bench_many_master')
  const slave = await Database.create(servers.slave, 'bench_many_slave')
  for (const side of [master, slave]) {
    await side.run(CREATE_MARKER)
    for (const statement of ddl) await side.run(statement)
  }
  const rserv = contender('rserv')
  say(`capturing ${tables} tables`)
  await rserv.capture(master, names)
  await rserv.join(master, slave, names)
  const row = { id: 0 }
  return {
    async measure(): Promise<Sample> {
      const syncs: number[] = []
      const idle: number[] = []
      const once: number[] = []
      const insert = (): Promise<unknown> => master.run(`insert into many_1 values (${++row.id}, 'x')`)
      for (let time = 0; time < REPEAT; time++) {
        await insert()
        syncs.push(1000 * (await seconds(() => rserv.catchUp(master, slave))))
        const before = (await activeMs(master)) + (await activeMs(slave))
        idle.push(1000 * (await seconds(() => rserv.catchUp(master, slave))))
        once.push((await activeMs(master)) + (await activeMs(slave)) - before)
      }
      const transfers = await followed(master, slave, insert)
      for (const side of [master, slave]) await vacuum(side)
      const server = await watched(master, slave, async () => undefined)
      const others = await watched(master, slave, () => master.run('select pg_current_xact_id()'))
      await expectEqual(master, slave, ['many_1', 'many_2'])
      const medians = { sync: median(transfers), once: median(syncs), idle: median(idle), onceServer: median(once) }
      return { ...medians, server, others }
    },
    async [Symbol.asyncDispose]() {
      await master[Symbol.asyncDispose]()
      await slave[Symbol.asyncDispose]()
    },
  }
}

export const manyTables: Case = {
  name: 'many-tables',
  title: 'many tables',
  contenders: ['rserv'],
  roundsFactor: 1 / 3,
  metrics: [
    {
      key: 'sync',
      label: 'one sync with one changed table, following',
      unit: 'ms',
      must: { atMost: 30 },
      aim: null,
    },
    { key: 'once', label: 'the same by `replicate`, connecting included', unit: 'ms', must: null, aim: null },
    { key: 'idle', label: 'a check with nothing to do, connecting included', unit: 'ms', must: null, aim: null },
    { key: 'onceServer', label: 'servers’ time in such a check', unit: 'ms', must: null, aim: null },
    {
      key: 'server',
      label: 'servers’ time for a full look with nothing to do, following',
      unit: 'ms',
      must: { atMost: 5 },
      aim: null,
    },
    { key: 'others', label: 'the same where others have written', unit: 'ms', must: null, aim: null },
  ],
  start,
}
