import {
  cleanLog,
  detachSlave,
  prepareSnapshot,
  replicate,
  resync,
  slaveAddTables,
  slaveInit,
  status,
} from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { startFollowing } from './support/following.ts'
import { backends, replicatedPair } from './support/pair.ts'

const T = 'create table t (id int primary key, v int)'
const why = 'the log had passed its limit'

test('a detached slave keeps no log row; it is refused, by every way, until it is resynced', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  const { server } = await replicate(master.config, slave.config)
  await master.query('insert into t select g, 0 from generate_series(1, 100) g')
  expect(await cleanLog(master.config, { olderThanSeconds: 0, backends })).toMatchObject({ rows: 0 })
  expect(await detachSlave(master.config, { server, why })).toBe(true)
  expect(await detachSlave(master.config, { server, why })).toBe(false)
  expect(await cleanLog(master.config, { olderThanSeconds: 0, backends })).toMatchObject({ rows: 100, heldBy: [] })
  await expect(replicate(master.config, slave.config)).rejects.toMatchObject({
    code: 'DETACHED',
    message: expect.stringContaining(why),
    hint: expect.stringContaining(`rserv resync ${master.name} ${slave.name}`),
  })
  expect((await status(master.config)).servers).toMatchObject([{ detached: { why } }])
  await expect(prepareSnapshot(master.config, new PassThrough(), { server })).rejects.toMatchObject({
    code: 'DETACHED',
  })
  await expect(resync(master.config, slave.config, { tables: ['t'], backends })).resolves.toBeDefined()
  await expect(replicate(master.config, slave.config)).rejects.toMatchObject({ code: 'DETACHED' })
  await resync(master.config, slave.config, { backends })
  await pair.syncAndCompare('t')
  const { servers } = await status(master.config)
  expect(servers).toMatchObject([{ server, rowsBehind: 0 }])
  await master.query('update t set v = 1')
  await pair.syncAndCompare('t')
})

test('a slave that is followed is refused from the next transfer on, and the other slaves are not', async () => {
  await using pair = await replicatedPair(T)
  const following = startFollowing(pair)
  await following.next('in-sync')
  await pair.master.query('insert into t values (1, 0)')
  await following.next('in-sync')
  await detachSlave(pair.master.config, { server: pair.slave.name, why })
  await pair.master.query('insert into t values (2, 0)')
  expect(await following.next('failed')).toMatchObject({ error: { code: 'DETACHED' } })
  expect(await pair.slave.query('select id from t')).toEqual([{ id: 1 }])
  await resync(pair.master.config, pair.slave.config, { backends })
  await following.next('applied')
  await pair.expectEqual('t')
  await following.stop()
})

test('the log is cleaned beyond a detached slave only as far as the others are', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  await using second = await createDatabase({ label: 'second' })
  await second.query(T)
  await slaveInit(second.config)
  await slaveAddTables(second.config, { tables: ['t'] })
  await replicate(master.config, second.config)
  await master.query('insert into t values (1, 0)')
  await replicate(master.config, second.config)
  await master.query('insert into t values (2, 0)')
  await detachSlave(master.config, { server: slave.name, why })
  expect(await cleanLog(master.config, { olderThanSeconds: 0, backends })).toMatchObject({ rows: 1 })
  expect(await replicate(master.config, second.config)).toMatchObject({ outcome: 'applied' })
  expect(await second.query('select id from t order by id')).toEqual([{ id: 1 }, { id: 2 }])
})
