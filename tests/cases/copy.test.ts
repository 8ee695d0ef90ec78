import {
  masterAddTables,
  masterInit,
  replicate,
  resync,
  slaveAddTables,
  slaveInit,
  slaveRemoveTables,
  verify,
} from '@rserv/core'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { backends, createPair, replicatedPair } from '../support/pair.ts'
import { startReplicator } from '../support/replicator.ts'

const DDL = `create table t (id int primary key, v text unique, n int);
  create table child (id int primary key, t int references t on delete cascade on update cascade)`

const TABLES = ['t', 'child']

/** Registered on both sides, nothing copied yet. */
async function uncopiedPair(ddl: string, slaveDdl = ddl, rows = 0): Promise<Pair> {
  const pair = await createPair('copy')
  await pair.master.query(ddl)
  await fill(pair, rows)
  await pair.slave.query(slaveDdl)
  await masterInit(pair.master.config, { backends })
  await slaveInit(pair.slave.config)
  await masterAddTables(pair.master.config, { tables: TABLES, backends })
  await slaveAddTables(pair.slave.config, { tables: TABLES })
  return pair
}

async function fill({ master }: Pair, rows = 1000): Promise<void> {
  await master.query(`insert into t select i, 'v' || i, i from generate_series(1, ${rows}) i;
    insert into child select i, i from generate_series(1, ${rows}) i`)
}

test('case 187: what is inserted, updated, deleted and given other keys during a copy comes afterwards', async () => {
  await using pair = await uncopiedPair(DDL)
  await fill(pair)
  const copying = startReplicator({ master: pair.master.config, slave: pair.slave.config }, { pauseAt: 'apply.copied' })
  expect(await copying.paused).toBe(true)
  // It has read a part of the rows or all of them; none of this may wait for it.
  await pair.master
    .query(`set lock_timeout = '1s'; insert into t values (5001, 'new', 1); update t set n = -n where id % 3 = 0;
    delete from t where id % 10 = 0; update t set id = id + 10000 where id % 7 = 0;
    update child set id = -id where id % 2 = 0; insert into child values (77777, 5001)`)
  copying.goOn()
  expect(await copying.ended).toMatchObject({ outcome: 'applied' })
  expect(await pair.slave.query('select count(*)::int as rows, min(n) as least from t')).toEqual([
    { rows: 1000, least: 1 },
  ])
  await pair.syncAndCompare('t', 'child')
})

test('case 188: a slave table that holds the same rows, others and more, and is referenced, becomes the master’s', async () => {
  await using pair = await uncopiedPair(
    DDL,
    `${DDL}; create table mine (t int references t); create view counted as select count(*) from t`,
  )
  await fill(pair)
  await pair.slave.query(`insert into t select i, 'other' || i, 0 from generate_series(500, 1500) i;
    insert into t select i, 'v' || i, i from generate_series(1, 100) i; insert into child values (9999, 600); insert into mine values (50)`)
  const { tables } = await pair.syncAndCompare('t', 'child')
  expect(tables).toContainEqual(expect.objectContaining({ mode: 'copy', written: 1000, deleted: 1101 }))
  expect(await pair.slave.query('select * from mine')).toEqual([{ t: 50 }])
})

test('case 189: a copy that is killed when all rows are there has done nothing, and is not taken for done', async () => {
  await using pair = await uncopiedPair(DDL)
  await fill(pair)
  await pair.slave.query(`insert into t values (1, 'was here', 0)`)
  for (const killAt of ['apply.copied', 'apply.position'] as const) {
    const run = startReplicator({ master: pair.master.config, slave: pair.slave.config }, { killAt })
    expect(await run.ended).toMatchObject({ signal: 'SIGKILL' })
    expect(await pair.slave.query('select v from t')).toEqual([{ v: 'was here' }])
    expect(await pair.slave.query('select distinct state from rserv.slave_table')).toEqual([{ state: 'new' }])
  }
  await expect.poll(() => pair.sync().catch(() => null), { timeout: 20_000 }).toMatchObject({ outcome: 'applied' })
  await pair.expectEqual('t', 'child')
})

test('case 190: a slave made from a copy of an unknown moment converges by comparison, under writes', async () => {
  await using pair = await uncopiedPair(DDL, DDL, 1000)
  // Somebody's dump: older, newer and damaged rows in one.
  await pair.slave
    .query(`insert into t select i, 'v' || i, i from generate_series(1, 900) i; update t set n = 0 where id = 7;
    insert into t values (3000, 'gone on the master', 1); insert into child select i, i from generate_series(1, 800) i`)
  await slaveRemoveTables(pair.slave.config, { tables: TABLES })
  await slaveAddTables(pair.slave.config, { tables: TABLES, assumeSynced: true })
  await pair.master.query(`update t set n = n + 1 where id = 10; delete from child where id = 5`)
  await replicate(pair.master.config, pair.slave.config)
  await pair.master.query(`update t set n = n + 1 where id in (7, 950)`)
  const found = await verify(pair.master.config, pair.slave.config, { repair: true })
  expect(found.tables).toMatchObject([
    { outcome: 'different', repaired: true },
    { outcome: 'different', repaired: true },
  ])
  await pair.syncAndCompare('t', 'child')
})

const OBJECTS = `select indexrelid::regclass::text as name, indisvalid::text as state from pg_index where indrelid in ('t'::regclass, 'child'::regclass)
  union all select conname, convalidated::text from pg_constraint where conrelid in ('t'::regclass, 'child'::regclass)
  union all select tgname, tgenabled::text from pg_trigger where tgrelid in ('t'::regclass, 'child'::regclass) and not tgisinternal order by 1, 2`

test('case 192: indexes, foreign keys and triggers of the slave are there during a copy, after it, and after its death', async () => {
  const more = `create index by_n on t (n) where n > 0; create index by_lower on t (lower(v)); create table log (what text);
    create function note() returns trigger language plpgsql as 'begin insert into log values (tg_op); return null; end';
    create trigger noted after insert or update or delete on t for each row execute function note()`
  await using pair = await uncopiedPair(DDL, `${DDL}; ${more}`)
  await fill(pair)
  const before = await pair.slave.query(OBJECTS)
  const run = startReplicator({ master: pair.master.config, slave: pair.slave.config }, { killAt: 'apply.copied' })
  await run.ended
  await expect.poll(() => pair.sync().catch(() => null), { timeout: 20_000 }).toMatchObject({ outcome: 'applied' })
  expect(await pair.slave.query(OBJECTS)).toEqual(before)
  expect(await pair.slave.query('select * from log')).toEqual([])
  await pair.slave.query('set enable_seqscan = off')
  expect(await pair.slave.query(`select id from t where lower(v) = 'v77' and n > 0`)).toEqual([{ id: 77 }])
  await pair.slave.query('reset enable_seqscan')
  await resync(pair.master.config, pair.slave.config, { tables: ['t'], backends })
  await pair.syncAndCompare('t', 'child')
  expect(await pair.slave.query(OBJECTS)).toEqual(before)
})

test('case 150: a slave table that was copied has statistics at once', async () => {
  await using pair = await uncopiedPair(DDL)
  await fill(pair, 5000)
  await pair.sync()
  const known = await pair.slave.query(
    `select tablename, count(*)::int as columns from pg_stats where schemaname = 'public' group by 1 order by 1`,
  )
  expect(known).toEqual([
    { tablename: 'child', columns: 2 },
    { tablename: 't', columns: 3 },
  ])
  await pair.expectEqual('t', 'child')
})

test('case 193: while a copy is read the master goes on, and its log can be cleaned', async () => {
  await using pair = await replicatedPair(DDL)
  await fill(pair)
  await resync(pair.master.config, pair.slave.config, { tables: ['t'], backends })
  const copying = startReplicator({ master: pair.master.config, slave: pair.slave.config }, { pauseAt: 'apply.copied' })
  expect(await copying.paused).toBe(true)
  for (let i = 0; i < 20; i++) await pair.master.query(`set lock_timeout = '1s'; update t set n = n + 1`)
  copying.goOn()
  expect(await copying.ended).toMatchObject({ outcome: 'applied' })
  await pair.syncAndCompare('t', 'child')
})
