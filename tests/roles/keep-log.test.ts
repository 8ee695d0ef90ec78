import { cleanKeptLog, cleanLog, keepLog, replicate, slaveRemoveTables, uninstall } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { createRole } from '@rserv/test-utils'
import { backend as plv8 } from '@rserv/trigger-plv8'
import { expect, test } from 'vitest'
import { startFollowing } from '../support/following.ts'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'

const DDL = `create table t (id int primary key, v text);
  create table pair_key (a int, b text, v text, primary key (a, b));
  create table parted (id int primary key, v text) partition by range (id);
  create table parted_1 partition of parted for values from (0) to (100);
  create table parted_2 partition of parted for values from (100) to (200)`

async function keepingPair(): Promise<Pair> {
  const pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t values (1, 'a'), (2, 'b'); insert into parted values (1, 'p'), (150, 'q')`)
  await pair.sync()
  await keepLog(pair.slave.config, { backends })
  return pair
}

/** Keys in the slave's log after the position before the last one, as `table:key`. */
async function lastLogged(slave: TestDatabase): Promise<string[]> {
  const [before] = await slave.query<{ own: string }>(
    'select own_position::text as own from rserv.applied order by own_xid desc offset 1 limit 1',
  )
  const tables = await slave.query<{ id: number; name: string; columns: number }>(
    'select table_id as id, table_name as name, cardinality(key_columns) as columns from rserv.replicated_table order by 2',
  )
  const found: string[] = []
  for (const { id, name, columns } of tables) {
    const key = columns === 1 ? 'k1::text' : `k1 || '/' || k2`
    const rows = await slave.query<{ key: string }>(
      `select distinct ${key} as key from rserv.log_${id} where not txid_visible_in_snapshot(xid, $1::txid_snapshot) order by 1`,
      [before?.own],
    )
    found.push(...rows.map((row) => `${name}:${row.key}`))
  }
  return found
}

test('a slave in service logs the keys of each transfer, and its own position just after', async () => {
  await using pair = await keepingPair()
  const { master, slave } = pair
  await master.query(
    `update t set v = 'c' where id = 1; delete from t where id = 2; insert into t values (3, 'n');
     insert into pair_key values (1, 'x', 'v'); update parted set id = 120 where id = 1`,
  )
  await pair.syncAndCompare('t', 'pair_key', 'parted')
  expect(await lastLogged(slave)).toEqual(['pair_key:1/x', 'parted:1', 'parted:120', 't:1', 't:2', 't:3'])
  await master.query(`update pair_key set b = 'y'`)
  await pair.syncAndCompare('pair_key')
  expect(await lastLogged(slave)).toEqual(['pair_key:1/x', 'pair_key:1/y'])
  // The position is the slave's own, and the master's beside it is the one that the slave is at.
  expect(
    await slave.query(
      `select count(*)::int as entries, bool_and(pg_visible_in_snapshot(own_xid, own_position)) as seen,
        (select sync_id from rserv.slave_sync) = max(sync_id) as latest from rserv.applied`,
    ),
  ).toEqual([{ entries: 3, seen: true, latest: true }])
})

test('keys that have no row on the slave, before or after, are logged too: the master had one meanwhile', async () => {
  await using pair = await keepingPair()
  const { master, slave } = pair
  const absent = `insert into t select i, 'x' from generate_series(50, 1100) i; delete from t where id >= 50;
    insert into pair_key values (7, 'gone', ''); delete from pair_key where a = 7`
  await master.query(absent)
  await pair.sync()
  const logged = await lastLogged(slave)
  expect(logged).toHaveLength(1052)
  expect(logged).toContain('pair_key:7/gone')
  // Quickly as well.
  const following = startFollowing(pair)
  await following.next('in-sync')
  await master.query(`insert into t values (1, 'q') on conflict (id) do update set v = 'q'`)
  await following.next('applied')
  await master.query(`insert into t values (60, 'x'); delete from t where id = 60`)
  await following.next('applied')
  await following.stop()
  expect(await lastLogged(slave)).toEqual(['t:60'])
})

test('what was under way on the slave when a transfer was applied is after the position', async () => {
  await using pair = await keepingPair()
  const { master, slave } = pair
  await slave.query('create table own (xid xid8)')
  const other = await slave.connect()
  await other.query('begin; insert into own values (pg_current_xact_id())')
  await master.query(`insert into t values (10, 'x')`)
  await pair.sync()
  await other.query('commit')
  await other.end()
  expect(
    await slave.query(
      `select pg_visible_in_snapshot(own.xid, a.own_position) as other, pg_visible_in_snapshot(own_xid, own_position) as own
        from own, rserv.applied a order by own_xid desc limit 1`,
    ),
  ).toEqual([{ other: false, own: true }])
})

test('quick transfers write it too', async () => {
  await using pair = await keepingPair()
  const following = startFollowing(pair)
  await following.next('in-sync')
  for (let id = 20; id < 25; id++) {
    await pair.master.query(`insert into t values (${id}, 'x')`)
    await following.next('applied')
  }
  await following.stop()
  const [counts] = await pair.slave.query(
    `select count(*)::int as entries, count(distinct own_position::text)::int as positions from rserv.applied`,
  )
  expect(counts).toEqual({ entries: 6, positions: 6 })
  expect(await lastLogged(pair.slave)).toEqual(['t:24'])
})

test('others cannot write the tables, and transfers go on', async () => {
  await using pair = await keepingPair()
  const { slave } = pair
  const refused = { code: '25006' }
  for (const sql of [
    `insert into t values (9, 'no')`,
    'update t set v = v where false',
    'delete from t',
    'truncate t',
    `insert into parted_1 values (9, 'no')`,
    'truncate parted_2',
    'truncate parted',
  ]) {
    await expect(slave.query(sql), sql).rejects.toMatchObject(refused)
  }
  await pair.master.query(`insert into t values (5, 'e'); insert into parted values (5, 'e'); truncate pair_key`)
  await pair.syncAndCompare('t', 'parted', 'pair_key')
})

test('under a role that may not set session_replication_role it is the same', async () => {
  await using pair = await replicatedPair('create table u (id int)', { tables: [] })
  const { master, slave } = pair
  await using role = await createRole('', [master, slave])
  await slave.query(
    `drop schema rserv cascade; grant create, temporary on database "${slave.name}" to "${role.name}";
     grant usage, create on schema public to "${role.name}"`,
  )
  const own = { ...slave.config, user: role.name, password: role.password }
  await master.query('create table t (id int primary key, v text)')
  await slave.query(`create table t (id int primary key, v text); alter table t owner to "${role.name}"`)
  const { masterAddTables, slaveAddTables, slaveInit } = await import('@rserv/core')
  await masterAddTables(master.config, { tables: ['t'], backends })
  await slaveInit(own)
  await slaveAddTables(own, { tables: ['t'] })
  await keepLog(own, { backends })
  await master.query(`insert into t values (1, 'a'), (2, 'b')`)
  await replicate(master.config, own)
  await master.query(`update t set v = 'c' where id = 1; delete from t where id = 2`)
  await replicate(master.config, own)
  await pair.expectEqual('t')
  const log = await slave.query<{ k1: number }>('select distinct k1 from rserv.log_1 order by 1')
  expect(log.map(({ k1 }) => k1)).toEqual([1, 2])
  await expect(slave.query('delete from t')).rejects.toMatchObject({ code: '25006' })
})

test('the log is cleaned up to what the slowest slave of the master has', async () => {
  await using pair = await keepingPair()
  const { master, slave } = pair
  const rows = async (): Promise<number> => {
    const [row] = await slave.query<{ n: number }>('select count(distinct k1)::int as n from rserv.log_3')
    return row?.n ?? -1
  }
  await master.query(`insert into t values (30, 'x')`)
  await pair.sync()
  // Another slave of the master that has an older position: it may have to follow this one.
  await master.query(
    `insert into rserv.server (name, sync_id, position) select 'slow', sync_id, position from rserv.server`,
  )
  for (let id = 31; id < 35; id++) {
    await master.query(`insert into t values (${id}, 'x')`)
    await pair.sync()
  }
  const clean = (): Promise<{ rows: number }> => cleanKeptLog(master.config, slave.config, { backends })
  const before = await rows()
  await clean()
  // The four transfers since are still there.
  expect(await rows()).toBe(4)
  expect(before).toBeGreaterThan(4)
  expect(await slave.query('select count(*)::int as n from rserv.applied')).toEqual([{ n: 5 }])
  await master.query(`delete from rserv.server where name = 'slow'`)
  expect((await clean()).rows).toBeGreaterThanOrEqual(4)
  expect(await rows()).toBe(0)
  expect(await slave.query('select count(*)::int as n from rserv.applied')).toEqual([{ n: 1 }])
  // The master's own log is not held by that.
  await cleanLog(master.config, { olderThanSeconds: 0, backends })
  await master.query(`update t set v = 'last'`)
  await pair.syncAndCompare('t')
})

test('what is missing is mended by keeping the log again', async () => {
  await using pair = await keepingPair()
  await pair.slave.query(
    `drop trigger rserv_guard on t; alter table parted_1 enable trigger rserv_2_write; create table parted_3 partition of parted for values from (200) to (300)`,
  )
  expect(await keepLog(pair.slave.config, { backends })).toMatchObject({
    tables: [{ outcome: 'already-kept' }, {}, {}],
  })
  await expect(pair.slave.query('delete from t')).rejects.toMatchObject({ code: '25006' })
  await expect(pair.slave.query('truncate parted_3')).rejects.toMatchObject({ code: '25006' })
  const blind = await pair.slave.query(
    `select tgrelid::regclass, tgname from pg_trigger t join pg_proc p on p.oid = tgfoid
      where pronamespace = 'rserv'::regnamespace and proname <> 'refuse_write' and tgenabled <> 'A'`,
  )
  expect(blind).toEqual([])
})

test('a table that the slave gives up can be written again, and uninstall leaves nothing', async () => {
  await using pair = await keepingPair()
  const { slave } = pair
  await slaveRemoveTables(slave.config, { tables: ['t'], backends })
  await slave.query(`insert into t values (77, 'mine')`)
  await expect(slave.query('delete from pair_key')).rejects.toMatchObject({ code: '25006' })
  await uninstall(slave.config, { backends })
  await slave.query('delete from pair_key; truncate parted')
  expect(await slave.query(`select count(*)::int as n from pg_trigger where not tgisinternal`)).toEqual([{ n: 0 }])
})

test('a backend that cannot be had here is refused before anything is changed', async () => {
  await using pair = await replicatedPair(DDL)
  await expect(keepLog(pair.slave.config, { backend: 'plv8', backends: async () => plv8 })).rejects.toMatchObject({
    code: 'BACKEND',
  })
  expect(await pair.slave.query('select keeps_log from rserv.node')).toEqual([{ keeps_log: false }])
  await pair.slave.query('delete from t')
})
