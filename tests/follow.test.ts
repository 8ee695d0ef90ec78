import { follow, masterAddTables, replicate, slaveAddTables } from '@rserv/core'
import { expect, test } from 'vitest'
import { startFollowing } from './support/following.ts'
import { backends, replicatedPair } from './support/pair.ts'

const T = 'create table t (id int primary key, v int)'

test('follows changes as they come, and tables that are added later', async () => {
  await using pair = await replicatedPair(`${T}; create table u (id int primary key)`, { tables: ['t'] })
  const following = startFollowing(pair)
  await following.next('in-sync')
  for (let id = 1; id <= 5; id++) {
    await pair.master.query('insert into t values ($1, 0)', [id])
    await following.next('applied')
    await pair.expectEqual('t')
  }
  await following.next('in-sync')
  await pair.master.query('insert into u values (1)')
  await masterAddTables(pair.master.config, { tables: ['u'], backends })
  await slaveAddTables(pair.slave.config, { tables: ['u'] })
  await following.next('applied')
  await pair.expectEqual('t', 'u')
  await following.stop()
  expect(following.events.filter(({ kind }) => kind === 'failed')).toEqual([])
})

test('a connection that is cut, on either side, is made again and nothing is lost', async () => {
  await using pair = await replicatedPair(T)
  const following = startFollowing(pair)
  await following.next('in-sync')
  for (const side of [pair.master, pair.slave]) {
    await side.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'rserv'`,
    )
    await pair.master.query('insert into t select coalesce(max(id), 0) + 1, 0 from t')
    expect(await following.next('failed')).toMatchObject({ error: { code: 'CONNECT' } })
    await following.next('applied')
    await pair.expectEqual('t')
  }
  await following.stop()
})

test('only one follows a slave; others are told so, also between transfers (case 154)', async () => {
  await using pair = await replicatedPair(T)
  const following = startFollowing(pair)
  await following.next('in-sync')
  await expect(replicate(pair.master.config, pair.slave.config)).rejects.toMatchObject({ code: 'BUSY' })
  const second = startFollowing(pair)
  expect(await second.next('failed')).toMatchObject({ error: { code: 'BUSY' } })
  await following.stop()
  await second.next('connected')
  await second.stop()
  expect(await replicate(pair.master.config, pair.slave.config)).toMatchObject({ outcome: 'in-sync' })
})

test('what cannot pass ends it at the start; aborting ends it at once', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  const swapped = follow(slave.config, master.config)
  await expect(swapped.next()).rejects.toMatchObject({ code: 'WRONG_ROLE' })
  const abort = new AbortController()
  const events = follow(master.config, slave.config, { signal: abort.signal })
  await events.next()
  await events.next()
  const waiting = events.next()
  abort.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' })
  await pair.sync()
})

test('a throttle holds inside a transfer, and inside the copy of a large table, and one that is lifted no longer', async () => {
  await using pair = await replicatedPair(`${T}; create table large (id int primary key, v text)`, { tables: ['t'] })
  const add = async (): Promise<void> => {
    await masterAddTables(pair.master.config, { tables: ['large'], backends })
    await slaveAddTables(pair.slave.config, { tables: ['large'] })
  }
  await pair.master.query(`insert into t select g, g from generate_series(1, 20000) g;
    insert into large select g, repeat('x', 100) from generate_series(1, 20000) g`)
  let asked = 0
  let throttle: { bytesPerSecond: number } | null = { bytesPerSecond: 1 }
  const asking = (): typeof throttle => {
    asked++
    return throttle
  }
  const following = startFollowing(pair, { throttle: asking, withinBytes: 0 })
  const held = async (table: string): Promise<void> => {
    asked = 0
    await expect.poll(() => asked).toBeGreaterThan(3)
    expect(await pair.slave.query(`select count(*)::int as n from ${table}`)).toEqual([{ n: 0 }])
    throttle = null
  }
  await held('t')
  expect(following.events.filter(({ kind }) => kind === 'applied')).toEqual([])
  await following.next('in-sync')
  throttle = { bytesPerSecond: 1 }
  await add()
  await held('large')
  await following.next('in-sync')
  await pair.expectEqual('t', 'large')
  await following.stop()
})
