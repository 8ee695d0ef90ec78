import { cleanLog, masterAddTables, masterInit, slaveAddTables, slaveInit, verify } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { findings } from '../support/checking.ts'
import { backends, createPair, replicatedPair } from '../support/pair.ts'

const DDL = 'create table t (id int primary key, v text)'

/** What would run with the capture's rights, were it let. */
const TRAP = `create table app.caught (who text);
  create function app.trap(app.mine) returns int language plpgsql as $$ begin
    insert into app.caught values (current_user); return 1; end $$`

test('case 70: a cast that the owner of a table makes never runs with the rights of the capture', async () => {
  for (const granularity of ['statement', 'row'] as const) {
    await using pair = await createPair('cast')
    const { master, slave } = pair
    await using owner = await createRole('', [master])
    const app = await master.connect({ user: owner.name, password: owner.password })
    const ddl = `create table app.t (id int primary key, v text)`
    await master.query(
      `create schema app authorization "${owner.name}"; grant create on schema public to "${owner.name}"`,
    )
    await app.query(ddl)
    await slave.query(`create schema app; ${ddl}`)
    await masterInit(master.config, { backends })
    await slaveInit(slave.config)
    await masterAddTables(master.config, { tables: ['app.t'], granularity, backends })
    await slaveAddTables(slave.config, { tables: ['app.t'] })
    await app.query(`insert into app.t values (1, 'a')`)
    await pair.sync()
    // The owner makes a type with a cast to the log's, and gives the key column that type where the server lets it.
    await app.query(
      `create type app.mine as (n int); ${TRAP}; create cast (app.mine as int) with function app.trap(app.mine) as assignment`,
    )
    await app.query(
      `alter table app.t rename id to old_id; alter table app.t add id app.mine; grant all on app.caught to public`,
    )
    await app.query(`insert into app.t (old_id, v, id) values (2, 'b', row(5))`)
    await app.query(`update app.t set v = 'c'`)
    await app.query(`delete from app.t where old_id = 2`)
    expect(await app.query('select who from app.caught').then(({ rows }) => rows)).toEqual([])
    // The capture is told to be broken, and nothing is taken for a key that is none.
    expect((await findings(pair)).map(({ code }) => code)).toContain('key-column-changed')
    await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
  }
})

test('case 81: a statement whose keys are not known says so once, however many rows it writes', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await master.query(`insert into t select i, 'v' from generate_series(1, 1000) i`)
  await pair.sync()
  await master.query(`alter table t rename id to old_id`)
  const told = `select (select count(*)::int from rserv.truncate_log) as unknown,
    (select count(*)::int from rserv.log_1 where k1 is null) as keys`
  const before = await master.query<{ unknown: number }>(told)
  await master.query(`update t set v = 'w'`)
  expect(await master.query(told)).toEqual([{ unknown: (before[0]?.unknown ?? 0) + 1, keys: 1000 }])
})

test('case 71: the application has no right on log and bookkeeping', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await using role = await createRole('', [master])
  await master.query(`grant all on t to "${role.name}"`)
  const app = await master.connect({ user: role.name, password: role.password })
  await app.query(`insert into t values (1, 'a')`)
  const forbidden = [
    'insert into rserv.log_1 values (1, 1)',
    'delete from rserv.log_1',
    'truncate rserv.log_1',
    'select * from rserv.log_1',
    'update rserv.server set position = null',
    'delete from rserv.replicated_table',
    `select rserv.unknown_key(1)`,
    'drop function rserv.place()',
    'create table rserv.mine (i int)',
  ]
  for (const statement of forbidden) {
    await expect(app.query(statement), statement).rejects.toMatchObject({ code: '42501' })
  }
  await pair.syncAndCompare('t')
})

test('case 71: junk that a superuser writes into the log stops nothing and loses nothing', async () => {
  await using pair = await replicatedPair(`${DDL}; create table u (a text, b int, primary key (a, b))`)
  const { master } = pair
  await master.query(`insert into t select i, 'v' from generate_series(1, 100) i; insert into u values ('a', 1)`)
  await pair.sync()
  const far = `9000000000000000000`
  await master.query(`insert into rserv.log_1 values (${far}, 5), ('3', 6), (txid_current(), 424242), (txid_current(), 7), (txid_current(), 7);
    insert into rserv.truncate_log values (${far}, 1), (${far}, 999), ('3', 999)`)
  await master.query(`update t set v = 'w' where id <= 10; delete from t where id = 7; insert into u values ('b', 2)`)
  await pair.syncAndCompare('t', 'u')
  await master.query(`insert into rserv.log_2 values (txid_current(), null, 1), (txid_current(), null, null)`)
  await master.query(`update u set b = 3 where a = 'b'`)
  await pair.syncAndCompare('t', 'u')
  await cleanLog(master.config, { syncId: 1n << 62n, backends })
  await master.query(`update t set v = 'x' where id = 20`)
  await pair.syncAndCompare('t', 'u')
  expect((await verify(master.config, pair.slave.config)).tables.map(({ outcome }) => outcome)).toEqual([
    'equal',
    'equal',
  ])
})

test('case 82: a log that somebody locks makes writers wait, and a log that cannot grow makes their writes fail, never unlogged', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  const locker = await master.connect()
  await locker.query('begin; lock table rserv.log_1 in access exclusive mode')
  await expect(master.query(`set lock_timeout = '200ms'; insert into t values (1, 'a')`)).rejects.toMatchObject({
    code: '55P03',
  })
  await locker.query('rollback')
  await master.query('reset lock_timeout')
  await master.query('alter table rserv.log_1 add constraint full_up check (k1 < 100) not valid')
  await expect(master.query(`insert into t values (100, 'b')`)).rejects.toMatchObject({ code: '23514' })
  await master.query(`insert into t values (99, 'c')`)
  expect(await master.query('select id from t')).toEqual([{ id: 99 }])
  await pair.syncAndCompare('t')
})

test('case 83: nothing of the log is unlogged (crashes: faults/crash.test.ts)', async () => {
  await using pair = await replicatedPair(DDL)
  const logs = await pair.master.query(
    `select distinct relpersistence from pg_class where relnamespace = 'rserv'::regnamespace and relkind in ('r', 'i', 'S')`,
  )
  expect(logs).toEqual([{ relpersistence: 'p' }])
})
