import { PassThrough } from 'node:stream'
import { cleanLog, prepareSnapshot, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends, replicatedPair } from './support/pair.ts'

const DDL = `create table t (id int, pad text default repeat('x', 500), v int, primary key (id, pad))`
/** Enough log rows, with keys as long as these, for the generations to change places. */
const MANY = 20_000
const logs = `select (select count(*)::int from only rserv.log_1) as first, (select count(*)::int from only rserv.log_1_1) as second,
  (select generation::int from rserv.replicated_table) as generation`

test('a large log is emptied as a whole; the other generation is written from then on, and back', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  for (const generation of [1, 0]) {
    await master.query(
      `delete from t; insert into t (id, v) select i, ${generation} from generate_series(1, ${MANY}) i`,
    )
    await pair.syncAndCompare('t')
    const cleaned = await cleanLog(master.config, { syncId: 1_000_000n, backends })
    expect(cleaned.rows).toBeGreaterThanOrEqual(MANY)
    expect(await master.query(logs)).toEqual([{ first: 0, second: 0, generation }])
    await master.query('update t set v = 7 where id <= 3')
    expect(await master.query(logs)).toEqual([
      { first: generation === 0 ? 3 : 0, second: generation === 0 ? 0 : 3, generation },
    ])
    await pair.syncAndCompare('t')
  }
})

test('rows that a slave still needs stay when a large log is emptied (cases 180, 184)', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  const open = await master.connect()
  await open.query(
    `begin; update rserv.node set created_at = created_at; insert into t (id, v) values (-1, 0); savepoint s`,
  )
  await master.query(`insert into t (id, v) select i, 1 from generate_series(1, ${MANY}) i`)
  await pair.sync()
  await master.query('update t set v = 2 where id <= 10')
  // The open transaction has written the log that is to be emptied: it cannot be now, and nobody waits.
  expect((await cleanLog(master.config, { syncId: 1_000_000n, backends })).rows).toBe(MANY)
  await open.query('commit')
  await pair.syncAndCompare('t')
  await master.query(`update t set v = 3 where id = 20`)
  expect((await cleanLog(master.config, { syncId: 1_000_000n, backends })).rows).toBe(11)
  await pair.syncAndCompare('t')
  expect((await pair.sync()).outcome).toBe('in-sync')
})

test('few unseen rows are moved to the other generation', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await master.query(`insert into t (id, v) select i, 1 from generate_series(1, ${MANY}) i`)
  await pair.sync()
  await master.query(`update t set v = 2 where id <= 10; delete from t where id > ${MANY - 10}`)
  expect((await cleanLog(master.config, { syncId: 1_000_000n, backends })).rows).toBe(MANY)
  expect(await master.query(logs)).toEqual([{ first: 0, second: 20, generation: 1 }])
  await pair.syncAndCompare('t')
})

test('a long log is emptied without being counted, and what is still needed of it is moved', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  const rows = 2 * MANY
  await master.query(`insert into t (id, v) select i, 1 from generate_series(1, ${rows}) i`)
  await pair.sync()
  await master.query(`update t set v = 2 where id <= 10; delete from t where id > ${rows - 10}`)
  const cleaned = await cleanLog(master.config, { syncId: 1_000_000n, backends })
  // An estimate: the last page is not full.
  expect(cleaned.rows).toBeGreaterThan(0.9 * rows)
  expect(cleaned.rows).toBeLessThan(1.1 * rows)
  expect(await master.query(logs)).toEqual([{ first: 0, second: 20, generation: 1 }])
  await pair.syncAndCompare('t')
})

test('case 182: cleaning does not wait for a reader of the log, nor make a writer wait', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await master.query(`insert into t (id, v) select i, 1 from generate_series(1, ${MANY}) i`)
  await pair.sync()
  const reader = await master.connect()
  await reader.query('begin; select count(*) from rserv.log_1')
  expect((await cleanLog(master.config, { syncId: 1_000_000n, backends })).rows).toBe(MANY)
  await master.query('insert into t (id, v) values (0, 0)')
  await reader.query('commit')
  await pair.syncAndCompare('t')
})

test('case 180: a row of a transaction that was open at the confirmed position is not cleaned', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  const slow = await master.connect()
  await slow.query('begin; insert into t (id, v) values (1, 1)')
  await master.query('insert into t (id, v) values (2, 2)')
  await pair.sync()
  await slow.query('commit')
  expect((await cleanLog(master.config, { syncId: 1_000_000n, backends })).rows).toBe(1)
  await pair.syncAndCompare('t')
})

test('case 168: a slave restored from a backup older than the log is refused, not continued', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await master.query('insert into t (id, v) values (1, 1)')
  await pair.sync()
  const [backup] = await slave.query('select sync_id, position::text, token from rserv.slave_sync')
  await master.query('insert into t (id, v) values (2, 2)')
  await pair.sync()
  const restore = `update rserv.slave_sync set sync_id = '${backup?.['sync_id']}', position = '${backup?.['position']}', token = '${backup?.['token']}'; delete from t where id = 2`
  // The log is still there: it goes on from its own position (case 167).
  await slave.query(restore)
  await pair.syncAndCompare('t')
  await cleanLog(master.config, { syncId: 1_000_000n, backends })
  await slave.query(restore)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'LOG_GAP' })
  expect(await slave.query('select id from t')).toEqual([{ id: 1 }])
})

test('a slave that has never synced keeps the log; --assume-synced after cleaning is refused', async () => {
  await using pair = await replicatedPair(DDL)
  await using second = await createDatabase()
  await second.query(DDL)
  await slaveInit(second.config)
  await slaveAddTables(second.config, { tables: ['t'], assumeSynced: true })
  await pair.master.query('insert into t (id, v) values (1, 1)')
  await pair.sync()
  expect((await cleanLog(pair.master.config, { olderThanSeconds: 0, backends })).rows).toBe(1)
  await expect(replicate(pair.master.config, second.config)).rejects.toMatchObject({ code: 'LOG_GAP' })
  await prepareSnapshot(pair.master.config, new PassThrough().resume(), { server: 'never' })
  await pair.master.query('insert into t (id, v) values (2, 2)')
  await pair.sync()
  const held = await cleanLog(pair.master.config, { olderThanSeconds: 0, backends })
  expect(held).toMatchObject({ rows: 0, heldBy: [{ server: 'never', reason: 'has never synced' }] })
})
