import { follow, pauseSlaves, replicate, resumeSlaves, throttleSlaves, watchMaster } from '@rserv/core'
import { expect, test } from 'vitest'
import { startFollowing } from './support/following.ts'
import { replicatedPair } from './support/pair.ts'

const T = 'create table t (id int primary key, v int)'

test('what is wanted of a slave is on record on the master, for whoever follows it', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  await using watch = await watchMaster(master.config)
  const servers = [slave.name]
  expect(await watch.slaves()).toMatchObject([{ server: slave.name, pausedAt: null, throttle: null, detached: null }])
  expect(await pauseSlaves(master.config)).toEqual({ servers, changed: servers })
  expect(await pauseSlaves(master.config, { server: slave.name })).toEqual({ servers, changed: [] })
  await throttleSlaves(master.config, { rowsPerSecond: 5 })
  const [seen] = await watch.slaves()
  expect(Date.parse(seen?.pausedAt ?? '')).not.toBeNaN()
  expect(seen?.throttle).toEqual({ rowsPerSecond: 5 })
  expect(await resumeSlaves(master.config)).toEqual({ servers, changed: servers })
  await throttleSlaves(master.config, null)
  expect(await watch.slaves()).toMatchObject([{ pausedAt: null, throttle: null }])
  const unknown = pauseSlaves(master.config, { server: 'nobody' })
  await expect(unknown).rejects.toMatchObject({ code: 'BAD_ARGUMENT', hint: expect.stringContaining(slave.name) })
  await expect(throttleSlaves(master.config, { bytesPerSecond: 0 })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
})

test('the backlog is counted up to a limit, keys only when they are asked for', async () => {
  await using pair = await replicatedPair(`${T}; create table u (id int primary key)`)
  const { master } = pair
  await using watch = await watchMaster(master.config)
  await master.query('insert into t select g, 0 from generate_series(1, 50) g')
  await master.query('update t set v = 1 where id <= 10')
  const [t, u] = [
    { schema: 'public', name: 't' },
    { schema: 'public', name: 'u' },
  ]
  const full = await watch.backlog({ keys: true })
  expect(full).toMatchObject({ logRows: 60, slaves: [{ server: pair.slave.name, rows: 60 }] })
  expect(full.slaves[0]?.tables).toEqual([
    { table: t, rows: 60, keys: 50, copy: false },
    { table: u, rows: 0, keys: 0, copy: false },
  ])
  expect((await watch.backlog()).slaves[0]?.tables[0]).toEqual({ table: t, rows: 60, keys: null, copy: false })
  expect((await watch.backlog({ keys: true, countAtMost: 20 })).slaves[0]?.tables[0]).toMatchObject({ keys: null })
  await master.query('truncate u')
  expect((await watch.backlog()).slaves[0]?.tables[1]).toMatchObject({ copy: true, rows: 1 })
  await pair.syncAndCompare('t', 'u')
  const { slaves } = await watch.backlog({ keys: true })
  expect(slaves).toMatchObject([{ rows: 0, tables: [{ keys: 0 }, { keys: 0 }] }])
  expect(slaves[0]?.positionAge).toBeGreaterThanOrEqual(0)
})

test('a throttle is asked for after every transfer, and while it rests because of it', async () => {
  await using pair = await replicatedPair(T)
  let asked = 0
  const throttle = (): { rowsPerSecond: number } | null => (++asked > 3 ? null : { rowsPerSecond: 0.001 })
  const following = startFollowing(pair, { throttle })
  await following.next('in-sync')
  await pair.master.query('insert into t values (1, 0)')
  await following.next('applied')
  // Its rest would be a thousand seconds.
  await following.next('in-sync')
  expect(asked).toBeGreaterThan(3)
  await following.stop()
})

test('a stop ends a rest because of a throttle', async () => {
  await using pair = await replicatedPair(T)
  const following = startFollowing(pair, { throttle: () => ({ pauseMs: 1_000_000 }) })
  await following.next('in-sync')
  await pair.master.query('insert into t values (1, 0)')
  await following.next('applied')
  await following.stop()
  await pair.expectEqual('t')
})

test('who holds a slave is named; a patient follower waits for what cannot pass by itself', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  const following = startFollowing({
    master,
    slave: { config: { ...slave.config, application_name: 'rserv on berlin' } },
  })
  await following.next('in-sync')
  await expect(replicate(master.config, slave.config)).rejects.toMatchObject({
    code: 'BUSY',
    message: expect.stringMatching(
      /rserv on berlin of role \w+ from 127\.0\.0\.1, connected since 20\S+Z, server process \d+$/,
    ),
  })
  await following.stop()
  const stop = new AbortController()
  const patient = follow(slave.config, master.config, { patient: true, stop: stop.signal })
  expect(await patient.next()).toMatchObject({ value: { kind: 'failed', error: { code: 'WRONG_ROLE' } } })
  stop.abort()
  expect(await patient.next()).toMatchObject({ done: true })
})
