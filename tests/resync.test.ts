import {
  cleanLog,
  masterAddTables,
  masterInit,
  prepareSnapshot,
  replicate,
  resync,
  slaveAddTables,
  slaveInit,
} from '@rserv/core'
import type { RservEvent } from '@rserv/core'
import { compareTable, createDatabase, onServer, sharedServer } from '@rserv/test-utils'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Pair } from './support/pair.ts'
import { backends, replicatedPair } from './support/pair.ts'
import { startWriter } from './support/writer.ts'

const DDL = `create table t (id int primary key, v text); create table u (id int primary key, v text)`
const FILL = `insert into t select i, 'v' from generate_series(1, 200) i; insert into u select i, 'v' from generate_series(1, 200) i`
const EQUAL = { onlyOnMaster: [], onlyOnSlave: [] }

const again = (pair: Pair, tables: string[] = []): ReturnType<typeof resync> =>
  resync(pair.master.config, pair.slave.config, { tables, backends })

test('one table is copied again while the application writes; the others go on from their position', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(FILL)
  await pair.sync()
  await pair.slave.query(
    `delete from t where id < 50; update t set v = 'damaged' where id > 150; delete from u where id = 7`,
  )
  await using writer = await startWriter(
    pair.master,
    (n) =>
      `update t set v = 'w${n}' where id = ${(n % 200) + 1}; update u set v = 'w${n}' where id = ${100 + (n % 100)}`,
  )
  const result = await again(pair, ['t'])
  expect(result).toMatchObject({ tables: [{ table: { schema: 'public', name: 't' }, recaptured: false }] })
  const { tables } = await pair.sync()
  expect(tables.find(({ table }) => table.name === 't')).toMatchObject({ mode: 'copy', written: 200 })
  await writer.stop()
  await pair.syncAndCompare('t')
  // The damage to the other table is not resync's to mend.
  expect((await compareTable(pair.master, pair.slave, 'u')).onlyOnMaster).toHaveLength(1)
})

test('case 168: a slave restored from an old backup, whose log was cleaned, starts anew as a whole', async () => {
  await using pair = await replicatedPair(DDL)
  const [old] = await pair.slave.query('select sync_id, position::text, token from rserv.slave_sync')
  await pair.master.query(FILL)
  await pair.sync()
  await cleanLog(pair.master.config, { olderThanSeconds: 0, backends })
  await pair.slave.query(`delete from t; delete from u`)
  await pair.slave.query('update rserv.slave_sync set sync_id = $1, position = $2, token = $3', [
    old?.['sync_id'],
    old?.['position'],
    old?.['token'],
  ])
  const hint = `rserv resync ${pair.master.name} ${pair.slave.name}`
  await expect(pair.sync()).rejects.toMatchObject({ code: 'LOG_GAP', hint: expect.stringContaining(hint) })
  expect((await again(pair)).tables).toHaveLength(2)
  await pair.syncAndCompare('t', 'u')
})

test('cases 165, 166: a master that went back in time gets its slave back', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(FILL)
  await pair.sync()
  await pair.master.query(`select setval('rserv.sync_id_seq', 1); delete from rserv.sync where sync_id > 1`)
  const hint = `rserv resync ${pair.master.name} ${pair.slave.name}`
  await expect(pair.sync()).rejects.toMatchObject({ code: 'POSITION_UNKNOWN', hint: expect.stringContaining(hint) })
  await again(pair)
  await pair.syncAndCompare('t', 'u')
  await pair.master.query('delete from t where id = 1')
  expect((await pair.sync()).tables).toMatchObject([{ mode: 'changes', deleted: 1 }])
})

test('case 169: a cloned slave gets an identity of its own, and both are fed', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(FILL)
  await pair.sync()
  await pair.slave.client.end()
  const name = `${pair.slave.name}_clone`
  await onServer(sharedServer(), (client) => client.query(`create database "${name}" template "${pair.slave.name}"`))
  try {
    const clone = { ...sharedServer(), database: name }
    const before = await resync(pair.master.config, pair.slave.config, { backends, tables: ['t'] })
    const { nodeId } = await resync(pair.master.config, clone, { backends, clone: true })
    expect(nodeId).not.toBe(before.nodeId)
    await pair.master.query(`delete from u where id = 3`)
    await replicate(pair.master.config, clone)
    await cleanLog(pair.master.config, { olderThanSeconds: 0, backends })
    await pair.sync()
    await pair.expectEqual('t', 'u')
    const servers = await pair.master.query('select node_id, position is not null as fed from rserv.server order by 1')
    expect(servers.map((row) => row['fed'])).toEqual([true, true])
    expect(servers.map((row) => row['node_id'])).toContain(nodeId)
    await expect(resync(pair.master.config, clone, { backends, clone: true, tables: ['t'] })).rejects.toMatchObject({
      code: 'BAD_ARGUMENT',
    })
  } finally {
    await onServer(sharedServer(), (client) => client.query(`drop database "${name}" with (force)`))
  }
})

test.each([
  ['disabled triggers', 'alter table t disable trigger user'],
  ['a dropped trigger', 'drop trigger rserv_1_key on t'],
  ['dropped functions', 'drop function rserv.capture_1_new() cascade'],
  ['a table created again', `drop table t; create table t (id int primary key, v text)`],
  ['a table that inherits now', 'create table base (id int not null, v text); alter table t inherit base'],
])('cases 23, 75, 76: %s: captured anew under load, and the other slave is told', async (_, breaking) => {
  await using pair = await replicatedPair(DDL)
  await using second = await createDatabase()
  await second.query(DDL)
  await slaveInit(second.config)
  await slaveAddTables(second.config, { tables: [], all: true })
  await pair.master.query(FILL)
  await pair.sync()
  await replicate(pair.master.config, second.config)
  await pair.master.query(`${breaking}; insert into t values (1000, 'unseen')`)
  const hint = `rserv resync ${pair.master.name} ${pair.slave.name} public.t `
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN', hint: expect.stringContaining(hint) })
  await using writer = await startWriter(pair.master, (n) => `insert into t values (${2000 + n}, 'w')`)
  const events: RservEvent[] = []
  const onEvent = (event: RservEvent): number => events.push(event)
  const result = await resync(pair.master.config, pair.slave.config, { tables: ['t'], backends, onEvent })
  expect(result.tables).toMatchObject([{ recaptured: true }])
  expect(events.map((event) => event.message)).toContain('public.t: captured anew')
  await pair.sync()
  await writer.stop()
  await pair.syncAndCompare('t', 'u')
  await expect(replicate(pair.master.config, second.config)).rejects.toMatchObject({ code: 'LOG_GAP' })
  await resync(pair.master.config, second.config, { tables: ['t'], backends })
  await replicate(pair.master.config, second.config)
  expect(await compareTable(pair.master, second, 't')).toEqual(EQUAL)
})

test('case 164: a master restored from a dump, with other OIDs, is captured anew by the names', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(FILL)
  await pair.sync()
  // What a restore does: the table has another OID, and another table has the old one.
  await pair.master.query(`with swapped as (select max(table_oid) filter (where table_name = 'u') as u,
      max(table_oid) filter (where table_name = 't') as t from rserv.replicated_table)
    update rserv.replicated_table set table_oid = case table_name when 't' then 1259::oid else t end from swapped`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
  const { tables } = await again(pair)
  expect(tables.map(({ recaptured }) => recaptured)).toEqual([true, true])
  await pair.master.query(`delete from t where id = 1; update u set v = 'x' where id = 2`)
  await pair.syncAndCompare('t', 'u')
})

test('refusals: a replicator at work, tables of nobody; a table of another master is taken over when named', async () => {
  await using pair = await replicatedPair(DDL)
  const other = await pair.slave.connect()
  const [{ node_id: origin } = {}] = await pair.master.query('select node_id from rserv.node')
  await other.query('begin; select from rserv.slave_sync for update')
  await expect(
    resync(pair.master.config, pair.slave.config, { backends, attempts: 1, lockTimeoutMs: 100 }),
  ).rejects.toMatchObject({ code: 'BUSY' })
  // A first transfer under way: there is no position yet that could be waited for.
  await other.query('rollback')
  await other.query('delete from rserv.slave_sync')
  await other.query('begin')
  await other.query(`select pg_advisory_xact_lock(hashtextextended('rserv.apply ' || $1, 0))`, [origin])
  await expect(again(pair)).rejects.toMatchObject({ code: 'BUSY' })
  await other.query('rollback')
  await expect(again(pair, ['nothing'])).rejects.toMatchObject({ code: 'NOT_REPLICATED' })
  await using second = await createDatabase()
  await second.query(`${DDL}; insert into t values (1, 'of the second')`)
  await masterInit(second.config, { backends })
  await expect(resync(second.config, pair.slave.config, { backends, tables: ['t'] })).rejects.toMatchObject({
    code: 'NOT_REPLICATED',
    hint: expect.stringContaining(`rserv master-add-table ${second.name} public.t`),
  })
  await masterAddTables(second.config, { tables: ['t'], backends })
  const messages: string[] = []
  const onEvent = ({ message }: RservEvent): number => messages.push(message)
  expect(await resync(second.config, pair.slave.config, { backends, onEvent })).toMatchObject({ tables: [] })
  expect(messages.join()).toContain('2 tables come from another master')
  await resync(second.config, pair.slave.config, { backends, tables: ['t'] })
  await replicate(second.config, pair.slave.config)
  expect(await compareTable(second, pair.slave, 't')).toEqual(EQUAL)
})

test('a file that the log no longer covers: the hint names the file that will do', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(FILL)
  await pair.master.query(`update rserv.replicated_table set log_start = pg_current_snapshot()`)
  const file = prepareSnapshot(pair.master.config, new PassThrough().resume(), { server: pair.slave.name })
  await expect(file).rejects.toMatchObject({ code: 'LOG_GAP', hint: expect.stringContaining('--copy public.t') })
})
