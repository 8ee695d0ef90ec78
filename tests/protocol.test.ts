import { PassThrough } from 'node:stream'
import {
  applySnapshot,
  masterAddTables,
  masterInit,
  masterRemoveTables,
  masterSync,
  prepareSnapshot,
  replicate,
  slaveAddTables,
  slaveInit,
  slaveRemoveTables,
} from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends, createPair, replicatedPair } from './support/pair.ts'

const DDL = 'create table t (id int primary key, v text)'

test('cases 24, 154: of two replicators for one slave one is refused, and none applies twice', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t select i, 'v' from generate_series(1, 20000) i`)
  const outcomes = await Promise.all(
    [1, 2, 3].map(() =>
      pair.sync().then(
        (result) => result.outcome,
        (error: { code: string }) => error.code,
      ),
    ),
  )
  expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(1)
  for (const outcome of outcomes) expect(['applied', 'BUSY', 'in-sync']).toContain(outcome)
  await pair.expectEqual('t')
})

test('case 151: an acknowledgement that was lost is made up for by the next run', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t values (1, 'a')`)
  await pair.sync()
  await pair.master.query(
    'update rserv.server set sync_id = 1, position = (select position from rserv.sync where sync_id = 1)',
  )
  expect((await pair.sync()).outcome).toBe('in-sync')
  expect(await pair.master.query('select sync_id::int from rserv.server')).toEqual([{ sync_id: 2 }])
  expect(await masterSync(pair.master.config, 2n)).toMatchObject({ outcome: 'already-registered' })
})

test('cases 165, 166: a position that this master never gave out is refused', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t values (1, 'a')`)
  await pair.sync()
  await pair.master.query(`select setval('rserv.sync_id_seq', 1); delete from rserv.sync where sync_id > 1`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' })
  await pair.master.query(`select setval('rserv.sync_id_seq', 50)`)
  await pair.slave.query(`update rserv.slave_sync set position = '99999999:99999999:'`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' })
})

test('case 23: a table that was dropped and created again, or renamed, is not mistaken for itself', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`drop table t; ${DDL}; insert into t values (1, 'new')`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
  await masterRemoveTables(pair.master.config, { tables: ['t'], backends })
  await masterAddTables(pair.master.config, { tables: ['t'], backends })
  await expect(pair.sync()).rejects.toMatchObject({ code: 'LOG_GAP' })
  await slaveRemoveTables(pair.slave.config, { tables: ['t'] })
  await slaveAddTables(pair.slave.config, { tables: ['t'] })
  await pair.syncAndCompare('t')
  await pair.master.query('alter table t rename to u')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
})

test('cases 75, 76: disabled or dropped triggers are noticed before anything is sent', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`alter table t disable trigger user; insert into t values (1, 'unseen')`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
  await pair.master.query(`alter table t enable trigger user; drop trigger rserv_1_key on t`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
})

test('case 63: a table that begins to inherit later is noticed', async () => {
  await using pair = await replicatedPair(`${DDL}; create table base (id int not null, v text)`, { tables: ['t'] })
  await pair.master.query('alter table t inherit base')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
})

test('cases 43, 191: writers in flight when the capture begins are waited for; a second slave copies meanwhile', async () => {
  await using pair = await replicatedPair(`${DDL}; create table late (id int primary key)`, { tables: ['t'] })
  const writer = await pair.master.connect()
  await writer.query('begin; insert into late values (1)')
  const adding = masterAddTables(pair.master.config, { tables: ['late'], backends, lockTimeoutMs: 100 })
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(await pair.master.query(`select from rserv.replicated_table where table_name = 'late'`)).toEqual([])
  await writer.query('commit')
  await adding
  await slaveAddTables(pair.slave.config, { tables: ['late'] })
  await pair.syncAndCompare('t', 'late')
})

test('a lock that is never free: nothing half installed', async () => {
  await using pair = await replicatedPair(`${DDL}; create table late (id int primary key)`, { tables: ['t'] })
  const writer = await pair.master.connect()
  await writer.query('begin; insert into late values (1)')
  const adding = masterAddTables(pair.master.config, { tables: ['late'], backends, lockTimeoutMs: 50, attempts: 2 })
  await expect(adding).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' })
  expect(await pair.master.query(`select to_regclass('rserv.log_2') as log`)).toEqual([{ log: null }])
  expect(await pair.master.query(`select from pg_trigger where tgrelid = 'late'::regclass`)).toEqual([])
})

test('case 36: a TRUNCATE that comes between cannot empty what is read', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t select i, 'v' from generate_series(1, 50000) i`)
  const syncing = pair.sync()
  await pair.master.query(`truncate t; insert into t values (1, 'after')`)
  await syncing
  await pair.syncAndCompare('t')
})

test('case 169: a slave under the name of another is refused', async () => {
  await using pair = await replicatedPair(DDL)
  await using second = await createDatabase()
  await second.query(DDL)
  await slaveInit(second.config)
  await slaveAddTables(second.config, { tables: ['t'] })
  await expect(replicate(pair.master.config, second.config, { server: pair.slave.name })).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
  })
})

test('a cancelled transfer leaves both sides as they were', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t select i, repeat('x', 1000) from generate_series(1, 30000) i`)
  const cancel = new AbortController()
  const running = replicate(pair.master.config, pair.slave.config, { signal: cancel.signal })
  setTimeout(() => cancel.abort(), 150)
  await expect(running).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(await pair.slave.query('select from t')).toEqual([])
  // The server lets go of the lock when it notices that the connection is gone.
  await expect
    .poll(
      () =>
        pair.sync().then(
          ({ outcome }) => outcome,
          () => 'BUSY',
        ),
      { timeout: 20_000 },
    )
    .toBe('applied')
  await pair.expectEqual('t')
})

test('a first replicate that is refused leaves no trace on either side', async () => {
  await using pair = await createPair('trace')
  await pair.master.query(DDL)
  await pair.slave.query(`${DDL}; create table unknown (id int primary key)`)
  await masterInit(pair.master.config, { backends })
  await slaveInit(pair.slave.config)
  await masterAddTables(pair.master.config, { tables: ['t'], backends })
  await slaveAddTables(pair.slave.config, { tables: ['t', 'unknown'] })
  await expect(pair.sync()).rejects.toMatchObject({ code: 'NOT_REPLICATED' })
  expect(await pair.master.query('select from rserv.server')).toEqual([])
  expect(await pair.slave.query('select from rserv.slave_sync')).toEqual([])
})

test('a slave fed by files goes on over a connection, under its name', async () => {
  await using pair = await createPair('files')
  for (const database of [pair.master, pair.slave]) await database.query(DDL)
  await masterInit(pair.master.config, { backends })
  await slaveInit(pair.slave.config)
  await masterAddTables(pair.master.config, { tables: ['t'], backends })
  await slaveAddTables(pair.slave.config, { tables: ['t'] })
  await pair.master.query(`insert into t values (1, 'a')`)
  const file = new PassThrough()
  const [, applied] = await Promise.all([
    prepareSnapshot(pair.master.config, file, { server: 'far' }),
    applySnapshot(pair.slave.config, file),
  ])
  expect(applied).toMatchObject({ outcome: 'applied', server: 'far' })
  await pair.master.query(`insert into t values (2, 'b')`)
  expect(await pair.syncAndCompare('t')).toMatchObject({ server: 'far', tables: [{ mode: 'changes', written: 1 }] })
  expect(await pair.master.query('select name, sync_id::int from rserv.server')).toEqual([{ name: 'far', sync_id: 2 }])
})
