import { prepareSnapshot, replicate } from '@rserv/core'
import type { TransferResult } from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import type { TestDatabase } from '@rserv/test-utils'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { replicatedPair } from '../support/pair.ts'

const DDL = 'create table t (id int primary key, v text); create table u (id int primary key, v text)'

/** Starts a transfer that stands still in the middle: its snapshot is taken, and the slave's table is locked. */
async function halfway(pair: Pair): Promise<{ goOn: () => Promise<TransferResult> }> {
  const blocker = await pair.slave.connect()
  await blocker.query('begin; lock table t in share mode')
  const running = pair.sync()
  running.catch(() => undefined)
  await waitsForLock(pair.slave)
  return {
    goOn: async () => {
      await blocker.query('commit')
      return running
    },
  }
}

async function waitsForLock(database: TestDatabase): Promise<void> {
  const waiting = `select count(*)::int as n from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock' and application_name like 'rserv%'`
  await expect.poll(() => database.query(waiting), { timeout: 30_000 }).toEqual([{ n: 1 }])
}

test('cases 27, 28, 46: changes made while rows are on their way come with the next transfer, whole', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await master.query(`insert into t values (1, 'first'), (2, 'first'); insert into u values (1, 'first')`)
  const moving = await halfway(pair)
  // u is read after t: both must be as of one moment.
  await master.query(
    `set lock_timeout = '2s'; update t set v = 'second'; update u set v = 'second'; delete from t where id = 2; insert into u values (2, 'second')`,
  )
  await moving.goOn()
  const rows = `select 't' as t, id, v from t union all select 'u', id, v from u order by 1, 2`
  expect(await slave.query(rows)).toEqual([
    { t: 't', id: 1, v: 'first' },
    { t: 't', id: 2, v: 'first' },
    { t: 'u', id: 1, v: 'first' },
  ])
  await pair.syncAndCompare('t', 'u')
})

test('cases 36, 37, 133, 134: TRUNCATE, rewriting ALTER and DROP wait until the rows are read', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await master.query(`insert into t values (1, 'a'); insert into u values (1, 'a'), (2, 'b')`)
  const moving = await halfway(pair)
  for (const ddl of ['truncate u', 'alter table u alter v type varchar(50) using upper(v)', 'drop table u']) {
    await expect(master.query(`set lock_timeout = '200ms'; ${ddl}`), ddl).rejects.toMatchObject({ code: '55P03' })
  }
  await master.query('reset lock_timeout')
  await moving.goOn()
  expect(await slave.query('select v from u order by 1')).toEqual([{ v: 'a' }, { v: 'b' }])
  await master.query('truncate u')
  await pair.syncAndCompare('t', 'u')
})

test('case 134: DDL that is under way on the master is waited for, and not for ever', async () => {
  await using pair = await replicatedPair(DDL)
  const ddl = await pair.master.connect()
  await ddl.query(`begin; alter table t add column w int; insert into t values (1, 'a', 2)`)
  await pair.master.query(`insert into u values (1, 'a')`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', side: 'master' })
  const running = pair.sync()
  running.catch(() => undefined)
  await waitsForLock(pair.master)
  await pair.slave.query('alter table t add column w int')
  await ddl.query('commit')
  await running
  await pair.expectEqual('t', 'u')
})

test('cases 135, 144: a slave table that is locked by DDL or a reader is waited for', async () => {
  await using pair = await replicatedPair(DDL)
  const ddl = await pair.slave.connect()
  await ddl.query('begin; alter table t add column mine int; lock table t in access exclusive mode')
  await pair.master.query(`insert into t values (1, 'a')`)
  const running = pair.sync()
  running.catch(() => undefined)
  await waitsForLock(pair.slave)
  await ddl.query('commit')
  await running
  expect(await pair.slave.query('select * from t')).toEqual([{ id: 1, v: 'a', mine: null }])
})

test('case 144: a deadlock with a user of the slave undoes one side; the next run has it all', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await master.query(`insert into t values (1, 'a'); insert into u values (1, 'a')`)
  await pair.sync()
  await master.query(`update t set v = 'b'; update u set v = 'b'`)
  const user = await slave.connect()
  await user.query(`begin; update u set v = 'users' where id = 1`)
  const running = pair.sync().then(
    () => 'applied',
    (error: { sqlState: string }) => error.sqlState,
  )
  await waitsForLock(slave)
  const mine = await user.query(`update t set v = 'users' where id = 1`).then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
  await user.query(mine === 'done' ? 'commit' : 'rollback')
  expect([mine, await running].toSorted()).toEqual(mine === 'done' ? ['40P01', 'done'] : ['40P01', 'applied'])
  await master.query(`update t set v = 'c'; update u set v = 'c'`)
  await pair.syncAndCompare('t', 'u')
})

test('cases 42, 41: a transaction that is open in another database delays nothing but itself', async () => {
  await using pair = await replicatedPair(DDL)
  await using other = await createDatabase({ label: 'other' })
  await other.query('create table x (id int)')
  const open = await other.connect()
  await open.query('begin; insert into x values (1)')
  await pair.master.query(`insert into t values (1, 'a')`)
  expect(await pair.syncAndCompare('t')).toMatchObject({ outcome: 'applied' })
  expect(await pair.sync()).toMatchObject({ outcome: 'in-sync' })
  await open.query('commit')
  expect(await pair.sync()).toMatchObject({ outcome: 'in-sync' })
})

test('cases 45, 46: SERIALIZABLE applications get no failure from a transfer that reads meanwhile', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await master.query(`insert into t select i, 'v' from generate_series(1, 50) i; insert into u values (1, '0')`)
  const [one, two] = [await master.connect(), await master.connect()]
  await one.query(`begin isolation level serializable; update u set v = (select count(*) from t)::text`)
  await two.query(`begin isolation level serializable; update t set v = 'w' where id = 7; select * from t where id = 7`)
  await pair.sync()
  await one.query('commit')
  await pair.sync()
  await two.query('commit')
  await pair.syncAndCompare('t', 'u')
})

test('case 40: a position with thousands of running transactions loses none of them', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await master.query(`insert into t values (0, 'before')`)
  await pair.sync()
  await master.query(`do $$ begin for i in 1..3000 loop insert into t values (i, 'open'); commit; end loop; end $$`)
  // As it would have been, had the position been taken while all of them were open.
  const [forged] = await master.query<{ p: string }>(
    `select min(xid::text::bigint) || ':' || max(xid::text::bigint) + 1 || ':' || string_agg(xid::text, ',' order by xid) as p
      from rserv.log_1 where k1 > 0`,
  )
  await master.query('update rserv.sync set position = $1 where sync_id = (select max(sync_id) from rserv.sync)', [
    forged?.p,
  ])
  await master.query('update rserv.server set position = $1', [forged?.p])
  await slave.query('update rserv.slave_sync set position = $1', [forged?.p])
  expect(await pair.syncAndCompare('t')).toMatchObject({ tables: [{ written: 3000 }] })
})

test('cases 44, 160: a reading or applying session that is terminated leaves nothing behind', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t values (1, 'a')`)
  for (const [side, action] of [
    ['master', 'pg_terminate_backend'],
    ['slave', 'pg_terminate_backend'],
    ['slave', 'pg_cancel_backend'],
  ] as const) {
    const moving = await halfway(pair)
    await pair[side].query(
      `select ${action}(pid) from pg_stat_activity where datname = current_database() and application_name like 'rserv%'`,
    )
    await expect(moving.goOn(), `${action} on the ${side}`).rejects.toMatchObject({
      code: action === 'pg_cancel_backend' ? 'CANCELLED' : 'CONNECT',
      side,
    })
    expect(await pair.slave.query('select * from t')).toEqual([])
  }
  await pair.syncAndCompare('t')
})

test('case 161: an acknowledgement that somebody holds up does not hold up the slave', async () => {
  await using pair = await replicatedPair(DDL)
  const holder = await pair.master.connect()
  await holder.query('begin; update rserv.server set confirmed_at = confirmed_at')
  await pair.master.query(`insert into t values (1, 'a')`)
  const notices: string[] = []
  const result = await replicate(pair.master.config, pair.slave.config, {
    onEvent: ({ kind, message }) => void (kind === 'notice' && notices.push(message)),
  })
  expect(result.outcome).toBe('applied')
  await pair.expectEqual('t')
  expect(notices).toHaveLength(1)
  // Nor the next transfer.
  await pair.master.query(`insert into t values (2, 'b')`)
  const next = await pair.syncAndCompare('t')
  await holder.query('commit')
  expect((await pair.sync()).outcome).toBe('in-sync')
  expect(await pair.master.query('select sync_id::text from rserv.server')).toEqual([{ sync_id: next.syncId }])
  await expect(prepareSnapshot(pair.master.config, new PassThrough().resume())).resolves.toMatchObject({
    outcome: 'in-sync',
  })
})

test('case 160: DDL on the slave that goes from a table to its partitions meets no deadlock', async () => {
  const partitioned = `create table m (id int primary key, v text) partition by range (id);
    create table m_1 partition of m for values from (0) to (100)`
  await using pair = await replicatedPair(partitioned, { tables: ['m'] })
  await pair.master.query(`insert into m values (1, 'a')`)
  const ddl = await pair.slave.connect()
  await ddl.query(`set lock_timeout = '700ms'; begin; lock table only m in access exclusive mode`)
  const running = pair.sync()
  running.catch(() => undefined)
  await waitsForLock(pair.slave)
  // Whoever waits for the table must not hold its partition.
  await ddl.query('lock table only m_1 in access exclusive mode')
  await ddl.query('commit')
  await running
  await pair.expectEqual('m')
})
