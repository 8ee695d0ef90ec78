import type { FollowEvent } from '@rserv/core'
import { expect, test, vi } from 'vitest'
import type { Following } from './support/following.ts'
import { startFollowing } from './support/following.ts'
import type { Pair } from './support/pair.ts'
import { replicatedPair } from './support/pair.ts'
import { EVERY_TYPE, TYPES } from './support/type-values.ts'

const T = 'create table t (id int primary key, v text, u int unique)'

/** Follows, up to the first time that nothing is left to do: from then on transfers may be quick. */
async function following(pair: Pair): Promise<Following> {
  const one = startFollowing(pair)
  await one.next('in-sync')
  return one
}

/** Runs statements on the master and waits for their transfer; says whether it was a quick one. */
async function changed(pair: Pair, one: Following, sql: string): Promise<{ quick: boolean; event: FollowEvent }> {
  one.points.length = 0
  await pair.master.query(sql)
  const event = await one.next('applied')
  return { quick: !one.points.includes('changes.planned'), event }
}

test('cases 107, 117, 118: every type travels byte for byte in quick transfers too', async () => {
  await using pair = await replicatedPair(EVERY_TYPE, { label: 'quick' })
  const one = await following(pair)
  let id = 0
  let quick = 0
  for (const [index, [type, values]] of TYPES.entries()) {
    const rows = values.map((value) => `insert into every (id, c${index}) values (${++id}, (${value})::${type})`)
    if ((await changed(pair, one, `begin; ${rows.join('; ')}; commit`)).quick) quick++
  }
  await pair.expectEqual('every')
  expect((await changed(pair, one, 'update every set id = id + 1000 where id % 2 = 0')).quick).toBe(true)
  await pair.expectEqual('every')
  await one.stop()
  // Every few seconds one looks at everything again.
  expect(quick).toBeGreaterThan(TYPES.length / 2)
})

test('cases 3 to 10: changed keys, exchanged unique values and deletes in quick transfers', async () => {
  await using pair = await replicatedPair(T)
  await pair.master.query(`insert into t select i, 'v' || i, i from generate_series(1, 20) i`)
  const one = await following(pair)
  for (const sql of [
    'begin; set constraints all deferred; update t set u = -u; update t set u = 21 + u; commit',
    'update t set id = id + 100 where id < 5; delete from t where id = 7',
    `delete from t where id = 8; insert into t values (8, E'\\\\ '' " , { } NULL', 8000)`,
    `update t set v = null where id = 9; update t set v = '' where id = 10; update t set v = 'NULL' where id = 11`,
  ]) {
    const { quick } = await changed(pair, one, sql)
    expect(quick, sql).toBe(true)
    await pair.expectEqual('t')
  }
  await one.stop()
})

test('what is not for quick transfers goes the long way: TRUNCATE, many rows, large rows', async () => {
  await using pair = await replicatedPair(T)
  const one = await following(pair)
  for (const sql of [
    `insert into t select i, 'v' || i, i from generate_series(1, 3000) i`,
    'truncate t',
    `insert into t values (1, repeat(md5(random()::text), 10000), 1)`,
    `insert into t select i, (select string_agg(md5((i * j)::text), '') from generate_series(1, 3000) j), i from generate_series(2, 4) i`,
  ]) {
    const { quick } = await changed(pair, one, sql)
    expect(quick, sql).toBe(sql.includes('repeat'))
    await pair.expectEqual('t')
  }
  await one.stop()
})

test('cases 128 to 130: DDL on either side between two quick transfers is noticed', async () => {
  await using pair = await replicatedPair(T)
  const one = await following(pair)
  await changed(pair, one, `insert into t values (1, 'a', 1)`)
  await pair.slave.query('alter table t add column w int default 7')
  await pair.master.query('alter table t add column w int')
  await changed(pair, one, 'insert into t values (2, null, 2, 5)')
  await pair.slave.query('update t set w = null where id = 1')
  await pair.expectEqual('t')
  await pair.master.query('alter table t rename v to text_of_it')
  await pair.slave.query('alter table t rename v to text_of_it')
  await changed(pair, one, `update t set text_of_it = 'b' where id = 2`)
  await pair.expectEqual('t')
  await pair.master.query('begin; alter table t alter u type bigint using u * 10; commit')
  await pair.slave.query('alter table t alter u type bigint')
  // The rewritten table may be copied before the insert, or with it.
  await changed(pair, one, `insert into t values (3, 'c', 3)`)
  await vi.waitFor(() => pair.expectEqual('t'), { timeout: 10_000, interval: 100 })
  await one.stop()
})

test('cases 23, 148: a disabled trigger, a table that is gone, rows kept out: said, as ever', async () => {
  await using pair = await replicatedPair(`${T}; create table g (id int primary key)`)
  const one = await following(pair)
  await changed(pair, one, `insert into t values (1, 'a', 1)`)
  await pair.slave.query(`create function no() returns trigger language plpgsql as 'begin return null; end';
    create trigger no before insert on t for each row execute function no(); alter table t enable always trigger no`)
  await pair.master.query(`insert into t values (2, 'b', 2)`)
  expect(await one.next('failed')).toMatchObject({ error: { code: 'ROWS_SWALLOWED' } })
  await pair.slave.query('drop trigger no on t')
  await one.next('applied')
  await pair.expectEqual('t')
  await changed(pair, one, 'insert into g values (1)')
  await pair.slave.query('alter table g rename to gone')
  await pair.master.query('insert into g values (2)')
  expect(await one.next('failed')).toMatchObject({ error: { code: 'NO_SUCH_TABLE' } })
  await pair.slave.query('alter table gone rename to g')
  await one.next('applied')
  await pair.expectEqual('g')
  await pair.master.query('alter table t disable trigger all')
  await pair.master.query(`insert into t values (3, 'c', 3)`)
  expect(await one.next('failed')).toMatchObject({ error: { code: 'CAPTURE_BROKEN' } })
  await one.stop()
})

test('case 176: sequences keep up in quick transfers, and the master learns of the last one', async () => {
  await using pair = await replicatedPair('create table s (id serial primary key, n int generated always as identity)')
  const one = await following(pair)
  const quick = []
  for (let round = 0; round < 4; round++) quick.push((await changed(pair, one, 'insert into s default values')).quick)
  expect(quick).toContain(true)
  const [row] = await pair.slave.query(`select nextval('s_id_seq')::int as id, nextval('s_n_seq')::int as n`)
  expect(row).toEqual({ id: 5, n: 5 })
  await one.next('in-sync')
  const applied = await pair.slave.query('select sync_id from rserv.slave_sync')
  expect(await pair.master.query('select sync_id from rserv.server')).toEqual(applied)
  await one.stop()
})

test('cases 25 to 29: transactions that overlap quick transfers are carried by the next', async () => {
  await using pair = await replicatedPair(T)
  const one = await following(pair)
  const slow = await pair.master.connect()
  for (let round = 1; round <= 5; round++) {
    await slow.query(`begin; insert into t values (${round}, 'slow', ${round})`)
    await changed(pair, one, `insert into t values (${round + 100}, 'fast', ${round + 100})`)
    expect(await pair.slave.query(`select id from t where id = ${round}`)).toEqual([])
    await slow.query('commit')
    await one.next('applied')
    await pair.expectEqual('t')
  }
  await one.stop()
})
