import type { RservEvent } from '@rserv/core'
import {
  cleanLog,
  masterAddTables,
  masterInit,
  replicate,
  resync,
  slaveAddTables,
  slaveInit,
  slaveRemoveTables,
  status,
  verify,
} from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { startFollowing } from '../support/following.ts'
import type { Pair } from '../support/pair.ts'
import { backends, createPair } from '../support/pair.ts'
import { startReplicator } from '../support/replicator.ts'
import { settle } from '../support/settle.ts'

const TABLES = ['a', 'b', 'c']
const DDL = `create table a (id serial primary key, u int unique, v text);
  create table b (id int primary key, a_id int references a on delete cascade); create table c (id int primary key, v text)`

/** Everything is copied apart. */
const APART = { withinBytes: 0, jobs: 2 }

/** Registered on both sides, nothing copied yet. */
async function uncopiedPair(slaveDdl = DDL): Promise<Pair> {
  const pair = await createPair('apart')
  await pair.master.query(`${DDL}; insert into a (u, v) select i, 'v' || i from generate_series(1, 500) i;
    insert into b select i, i from generate_series(1, 500) i; insert into c select i, 'c' from generate_series(1, 500) i`)
  await pair.slave.query(slaveDdl)
  await masterInit(pair.master.config, { backends })
  await slaveInit(pair.slave.config)
  await masterAddTables(pair.master.config, { tables: TABLES, backends })
  await slaveAddTables(pair.slave.config, { tables: TABLES })
  return pair
}

function sides({ master, slave }: Pair): { master: Pair['master']['config']; slave: Pair['slave']['config'] } {
  return { master: master.config, slave: slave.config }
}

async function states({ slave }: Pair): Promise<Record<string, string>> {
  const rows = await slave.query<{ t: string; s: string }>('select table_name as t, state as s from rserv.slave_table')
  return Object.fromEntries(rows.map(({ t, s }) => [t, s]))
}

/** Copies a, b and c apart, and ends before anything is joined. */
async function copiedPair(): Promise<Pair> {
  const pair = await uncopiedPair()
  const copying = startReplicator(sides(pair), { killAt: 'apply.locked', options: APART })
  expect(await copying.ended).toMatchObject({ signal: 'SIGKILL', copied: expect.arrayContaining(TABLES) })
  expect(await states(pair)).toEqual({ a: 'copied', b: 'copied', c: 'copied' })
  return pair
}

test('cases 189, 193: new tables are copied apart, each as of a snapshot of its own, and joined by one transfer', async () => {
  await using pair = await uncopiedPair()
  const events: RservEvent[] = []
  const result = await replicate(pair.master.config, pair.slave.config, {
    ...APART,
    onEvent: (event) => events.push(event),
  })
  expect(result.outcome).toBe('applied')
  expect(result.tables.map(({ table, mode, written }) => [table.name, mode, written]).toSorted()).toEqual([
    ['a', 'copy', 500],
    ['b', 'copy', 500],
    ['c', 'copy', 500],
  ])
  await pair.expectEqual(...TABLES)
  expect(await states(pair)).toEqual({ a: 'synced', b: 'synced', c: 'synced' })
  expect(await pair.master.query('select * from rserv.copy')).toEqual([])
  // Its sequence is where the master's is.
  expect(await pair.slave.query('select last_value::int as n from a_id_seq')).toEqual([{ n: 500 }])
  // One for each copy, and one for the transfer.
  expect(events.filter(({ point }) => point === 'changes.snapshot')).toHaveLength(4)
  const ofA = events.filter(({ copy, table }) => copy !== undefined && table?.name === 'a')
  expect(ofA[0]).toMatchObject({ kind: 'progress', copy: 'waiting', rowsDone: 0, bytesDone: 0, startedAt: null })
  expect(ofA[0]?.bytesTotal).toBeGreaterThan(10_000)
  expect(ofA.at(-1)).toMatchObject({ copy: 'copied', rowsDone: 500, etaSeconds: 0 })
  expect(ofA.at(-1)?.bytesDone).toBeGreaterThan(5000)
  await pair.syncAndCompare(...TABLES)
})

/** It waits for a lock for a second only. */
test('case 150: a table is joined while its statistics are still being made', { retry: 2 }, async () => {
  await using pair = await uncopiedPair()
  const { master, slave } = pair
  await slaveRemoveTables(slave.config, { tables: ['a', 'b'] })
  await master.query(`insert into c select i, 'c' from generate_series(501, 2000) i`)
  const other = await slave.connect()
  await other.query('begin; lock table c in share update exclusive mode')
  const waiting = `select query from pg_stat_activity where query = 'analyze "public"."c"' and wait_event_type = 'Lock'`
  let seen: Promise<unknown[]> | undefined
  const onEvent = ({ point }: RservEvent): void => {
    if (point === 'apply.committed') seen = slave.query(waiting)
  }
  await replicate(master.config, slave.config, { ...APART, onEvent })
  expect(await seen).toHaveLength(1)
  await other.end()
  await resync(master.config, slave.config, { tables: ['c'], backends })
  await replicate(master.config, slave.config, APART)
  expect(await slave.query(`select reltuples::int as n from pg_class where relname = 'c'`)).toEqual([{ n: 2000 }])
  await pair.expectEqual('c')
})

test('few small tables are copied inside the transfer, as before', async () => {
  await using pair = await uncopiedPair()
  const events: RservEvent[] = []
  await replicate(pair.master.config, pair.slave.config, { onEvent: (event) => events.push(event) })
  expect(events.filter(({ copy }) => copy !== undefined)).toEqual([])
  await pair.expectEqual(...TABLES)
})

test('of new tables the smallest go along with the transfer, as many as the limit has room for', async () => {
  await using pair = await uncopiedPair()
  await pair.master.query(`insert into c select i, repeat('x', 500) from generate_series(501, 5000) i`)
  const { ended } = startReplicator(sides(pair), { options: { withinBytes: 1_000_000 } })
  expect(await ended).toMatchObject({ outcome: 'applied', copied: ['c'] })
  await pair.expectEqual(...TABLES)
})

test('case 189: a copy that is cut goes on with the tables that are not there yet', async () => {
  await using pair = await uncopiedPair()
  const first = startReplicator(sides(pair), { killAt: 'copy.committed', options: { withinBytes: 0, jobs: 1 } })
  expect(await first.ended).toMatchObject({ signal: 'SIGKILL', copied: [] })
  const there = Object.entries(await states(pair)).flatMap(([table, state]) => (state === 'copied' ? [table] : []))
  expect(there).toHaveLength(1)
  const again = { withinBytes: 0, jobs: 1 }
  const rest = await settle(() => replicateAgain(pair, again))
  expect(rest.toSorted()).toEqual(TABLES.filter((table) => !there.includes(table)))
  await pair.expectEqual(...TABLES)
})

/** @returns the tables that were copied */
async function replicateAgain({ master, slave }: Pair, options: object): Promise<string[]> {
  const { tables } = await replicate(master.config, slave.config, options)
  return tables.filter(({ mode }) => mode === 'copy').map(({ table }) => table.name)
}

test('what happens between the copies and the transfer that joins them comes with it', async () => {
  await using pair = await copiedPair()
  const { master } = pair
  await master.query(`insert into a (u, v) values (9001, 'new'); update a set u = null where id = 7; update a set u = 7 where id = 8;
    delete from a where id = 9; update c set id = id + 1000 where id % 50 = 0; update b set a_id = 20 where id = 30`)
  const result = await pair.syncAndCompare(...TABLES)
  expect(result.tables.filter(({ mode }) => mode === 'copy')).toEqual([])
  expect(await master.query('select * from rserv.copy')).toEqual([])
})

test('TRUNCATE, and DDL that rewrites rows, after a copy send the table whole', async () => {
  await using pair = await copiedPair()
  await pair.slave.query('alter table a add w float')
  await pair.master.query(`truncate c; insert into c values (1, 'after'); alter table a add w float default random()`)
  const { tables } = await pair.syncAndCompare(...TABLES)
  expect(tables.map(({ table, mode }) => [table.name, mode]).toSorted()).toEqual([
    ['a', 'copy'],
    ['c', 'copy'],
  ])
})

test.each([
  ['the master forgot it, as after a restore', `delete from rserv.copy`],
  ['its moment is another one on the master', `update rserv.copy set position = pg_current_snapshot()`],
  ['its log was cleaned beyond it', `update rserv.replicated_table set log_start = pg_current_snapshot()`],
])('a copy is made again where %s', async (_, sql) => {
  await using pair = await copiedPair()
  await pair.master.query(`update a set v = 'changed'; select pg_current_xact_id(); ${sql}`)
  expect((await replicateAgain(pair, APART)).toSorted()).toEqual(TABLES)
  await pair.expectEqual(...TABLES)
})

test('case 191: while a table is copied the others go on, and the log is kept for it alone', async () => {
  await using pair = await uncopiedPair()
  const { master, slave } = pair
  await slaveRemoveTables(slave.config, { tables: ['b'] })
  await replicate(master.config, slave.config)
  await slaveAddTables(slave.config, { tables: ['b'] })
  const reader = await slave.connect()
  // The copy waits for it, in the middle of its transaction.
  await reader.query('begin; lock table b in share mode')
  const following = startFollowing(pair, { ...APART, idleMs: 20 })
  await expect.poll(() => master.query('select * from rserv.copy'), { timeout: 20_000 }).toHaveLength(1)
  await expect.poll(() => following.points.filter((point) => point === 'apply.matched')).not.toEqual([])
  for (let i = 1; i <= 3; i++) {
    await master.query(`update a set v = 'round ${i}' where id = ${i}; update b set a_id = ${i} where id > 490`)
    await expect
      .poll(() => slave.query(`select v from a where id = ${i}`), { timeout: 20_000 })
      .toEqual([{ v: `round ${i}` }])
  }
  expect(await states(pair)).toEqual({ a: 'synced', b: 'new', c: 'synced' })
  await expect
    .poll(() => cleanLog(master.config, { syncId: 1n << 62n, backends }).then(({ heldBy }) => heldBy), {
      timeout: 20_000,
    })
    .toEqual([{ server: slave.name, reason: 'is copying public.b' }])
  const { tables } = await status(master.config)
  expect(tables.map(({ table, logRows }) => [table.name, logRows > 0])).toEqual([
    ['a', false],
    ['b', true],
    ['c', false],
  ])
  await reader.query('rollback')
  await expect.poll(() => states(pair), { timeout: 20_000 }).toMatchObject({ b: 'synced' })
  await following.stop()
  await pair.expectEqual(...TABLES)
  expect(await master.query('select * from rserv.copy')).toEqual([])
  expect(await cleanLog(master.config, { syncId: 1n << 62n, backends })).toMatchObject({ heldBy: [] })
  await reader.end()
})

test('tables that are registered while somebody follows are copied apart, and a resync is', async () => {
  await using pair = await uncopiedPair()
  const { master, slave } = pair
  await slaveRemoveTables(slave.config, { tables: ['b', 'c'] })
  const following = startFollowing(pair, { ...APART, idleMs: 20 })
  await expect.poll(() => states(pair), { timeout: 20_000 }).toEqual({ a: 'synced' })
  await slaveAddTables(slave.config, { tables: ['b', 'c'] })
  await master.query(`update a set v = 'wake up'; update b set a_id = 1 where id > 400`)
  await expect.poll(() => states(pair), { timeout: 20_000 }).toEqual({ a: 'synced', b: 'synced', c: 'synced' })
  await slave.query(`update a set v = 'damaged' where id > 100`)
  await resync(master.config, slave.config, { tables: ['a'], backends })
  await master.query(`update c set v = 'wake up'`)
  await expect.poll(() => states(pair), { timeout: 20_000 }).toMatchObject({ a: 'synced' })
  await following.stop()
  await pair.expectEqual(...TABLES)
  expect(following.points.filter((point) => point === 'copy.committed').length).toBe(4)
  expect(following.events.filter(({ kind }) => !['connected', 'applied', 'in-sync'].includes(kind))).toEqual([])
})

test('a table that is registered anew, or given up, while it is copied is not taken for copied', async () => {
  await using pair = await uncopiedPair()
  const { slave } = pair
  const copying = startReplicator(sides(pair), { pauseAt: 'copy.durable', options: { withinBytes: 0, jobs: 1 } })
  expect(await copying.paused).toBe(true)
  await slaveRemoveTables(slave.config, { tables: TABLES })
  await slaveAddTables(slave.config, { tables: ['a'] })
  await pair.master.query(`update a set v = 'later'`)
  copying.goOn()
  expect(await copying.ended).toMatchObject({ outcome: 'applied', copied: expect.arrayContaining(['a']) })
  expect(await states(pair)).toEqual({ a: 'synced' })
  await pair.expectEqual('a')
  expect(await slave.query('select count(*)::int as n from b')).toEqual([{ n: 0 }])
})

test('a table that cannot be copied is named, the others are copied, and stay so', async () => {
  await using pair = await uncopiedPair(DDL.replace('v text);', 'v varchar(2));'))
  const { slave } = pair
  await expect(replicate(pair.master.config, slave.config, APART)).rejects.toMatchObject({
    code: 'TABLE_MISMATCH',
    table: { schema: 'public', name: 'a' },
  })
  expect(await states(pair)).toEqual({ a: 'new', b: 'copied', c: 'copied' })
  await slave.query('alter table a alter v type text')
  expect(await replicateAgain(pair, APART)).toEqual(['a'])
  await pair.expectEqual(...TABLES)
})

test('one that follows leaves a table out that cannot be copied, and goes on with the others', async () => {
  await using pair = await uncopiedPair(`${DDL}; alter table a add check (id <> 77)`)
  const { master, slave } = pair
  const following = startFollowing(pair, { ...APART, idleMs: 20, parkedRetryMs: 50 })
  expect(await following.next('parked')).toMatchObject({ error: { sqlState: '23514', table: { name: 'a' } } })
  await expect.poll(() => states(pair), { timeout: 20_000 }).toEqual({ a: 'new', b: 'synced', c: 'synced' })
  await master.query(`update c set v = 'goes on'`)
  await expect.poll(() => slave.query('select distinct v from c'), { timeout: 20_000 }).toEqual([{ v: 'goes on' }])
  await slave.query('alter table a drop constraint a_id_check')
  await expect.poll(() => states(pair), { timeout: 20_000 }).toMatchObject({ a: 'synced' })
  await following.stop()
  await pair.expectEqual(...TABLES)
  expect(following.events.filter(({ kind }) => kind === 'failed')).toEqual([])
})

test('a role that may not set session_replication_role copies all tables together, as before', async () => {
  await using pair = await uncopiedPair()
  await using role = await createRole('', [pair.slave])
  await pair.slave
    .query(`grant create, temporary on database "${pair.slave.name}" to "${role.name}"; grant usage on schema rserv to "${role.name}";
    grant all on all tables in schema rserv to "${role.name}"; ${TABLES.map((t) => `alter table ${t} owner to "${role.name}"`).join('; ')}`)
  const slave = { ...pair.slave.config, user: role.name, password: role.password }
  const { ended } = startReplicator({ master: pair.master.config, slave }, { options: APART })
  expect(await ended).toMatchObject({ outcome: 'applied', copied: [] })
  await pair.expectEqual(...TABLES)
})

test('verify compares a table that was copied apart as of its own moment', async () => {
  await using pair = await copiedPair()
  await pair.master.query(`update a set v = 'later' where id < 10`)
  await pair.slave.query(`update c set v = 'damaged' where id = 3`)
  const found = await verify(pair.master.config, pair.slave.config)
  expect(found.tables.map(({ table, outcome, pending }) => [table.name, outcome, pending])).toEqual([
    ['a', 'equal', 9],
    ['b', 'equal', 0],
    ['c', 'different', 0],
  ])
})
