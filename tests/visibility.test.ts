import { expect, test } from 'vitest'
import { replicatedPair } from './support/pair.ts'

const DDL = 'create table t (id int primary key, v text)'

test('cases 25, 26, 32, 41: a transaction that is open during a sync comes whole with the one after its commit', async () => {
  await using pair = await replicatedPair(DDL)
  const slow = await pair.master.connect()
  await slow.query(`begin; insert into t values (1, 'slow')`)
  await pair.master.query(`insert into t values (2, 'fast')`)
  await pair.syncAndCompare('t')
  expect(await pair.slave.query('select id from t')).toEqual([{ id: 2 }])
  await pair.master.query(`insert into t values (3, 'later')`)
  await pair.sync()
  await slow.query(`insert into t values (4, 'slow too'); commit`)
  await pair.syncAndCompare('t')
  expect((await pair.sync()).outcome).toBe('in-sync')
})

test('cases 29 to 31: savepoints, undone parts, more than 64 subtransactions', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master
    .query(`begin; insert into t values (1, 'a'); savepoint s; insert into t values (2, 'undone'); rollback to s;
    savepoint s2; insert into t values (3, 'kept'); release s2; commit`)
  await pair.master
    .query(`do $$ begin for i in 10..110 loop begin insert into t values (i, 'sub'); if i % 3 = 0 then raise 'x'; end if;
    exception when raise_exception then null; end; end loop; end $$`)
  await pair.syncAndCompare('t')
})

test('cases 33, 34, 68: prepared transactions can be made, and come after COMMIT PREPARED', async () => {
  await using pair = await replicatedPair(DDL)
  const name = `rserv_${pair.master.name}`
  await pair.master.query(`begin; insert into t values (1, 'prepared'); prepare transaction '${name}'`)
  await pair.master.query(`begin; insert into t values (2, 'rolled back'); prepare transaction '${name}_2'`)
  await pair.master.query(`insert into t values (3, 'now')`)
  await pair.syncAndCompare('t')
  await pair.master.query(`commit prepared '${name}'`)
  await pair.master.query(`rollback prepared '${name}_2'`)
  await pair.syncAndCompare('t')
  expect(await pair.slave.query('select id from t order by id')).toEqual([{ id: 1 }, { id: 3 }])
})

test('case 17: a row changed very often travels once', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(
    `insert into t values (1, '0'); do $$ begin for i in 1..3000 loop update t set v = i::text; end loop; end $$`,
  )
  const result = await pair.syncAndCompare('t')
  expect(result.tables).toMatchObject([{ written: 1, deleted: 0 }])
})

test('case 67: the application notices nothing: lastval, command tags', async () => {
  await using pair = await replicatedPair('create table s (id serial primary key, v text)')
  const client = await pair.master.connect()
  const inserted = await client.query(`insert into s (v) values ('a'), ('b')`)
  expect(inserted.rowCount).toBe(2)
  expect((await client.query('select lastval()')).rows).toEqual([{ lastval: '2' }])
  expect((await client.query(`update s set v = 'c'`)).rowCount).toBe(2)
})

test('cases 69, 70: a role without rights on rserv writes, and its temporary tables catch nothing', async () => {
  await using pair = await replicatedPair(DDL)
  const client = await pair.master.connect()
  await client.query(`create role rserv_test_writer_${process.pid}; grant select, insert, update, delete on t to rserv_test_writer_${process.pid};
    set role rserv_test_writer_${process.pid};
    create temp table log_1 (xid int8, k1 int); create temp table new_rows (id int); create temp table truncate_log (xid int8, table_id int);
    set search_path = pg_temp, public; insert into public.t values (1, 'mine')`)
  expect((await client.query('select * from pg_temp.log_1')).rows).toEqual([])
  await expect(client.query('select * from rserv.log_1')).rejects.toMatchObject({ code: '42501' })
  await client.query(`reset role`)
  await pair.syncAndCompare('public.t')
  await client.query(
    `revoke all on public.t from rserv_test_writer_${process.pid}; drop table pg_temp.log_1, pg_temp.new_rows, pg_temp.truncate_log; drop role rserv_test_writer_${process.pid}`,
  )
})

test('case 47: an idle master is only read', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.sync()
  const xid =
    'select pg_snapshot_xmax(pg_current_snapshot())::text as x, (select last_value from rserv.sync_id_seq) as s, (select count(*) from rserv.sync) as n'
  const before = await pair.master.query(xid)
  for (let i = 0; i < 3; i++) expect((await pair.sync()).outcome).toBe('in-sync')
  const after = await pair.master.query(xid)
  // Other databases of the server may have used transaction ids; the bookkeeping has not.
  expect(after.map(({ s, n }) => ({ s, n }))).toEqual(before.map(({ s, n }) => ({ s, n })))
})
