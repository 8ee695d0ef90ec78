import { masterAddTables, masterRemoveTables, slaveAddTables, slaveRemoveTables, status } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'
import { startReplicator } from '../support/replicator.ts'

const DDL = 'create table t (id int primary key, v text)'

/** Runs a statement on both sides. */
async function both(pair: Pair, sql: string): Promise<void> {
  await pair.slave.query(sql)
  await pair.master.query(sql)
}

/** What `status` says of the captured tables. */
async function remarks(database: TestDatabase): Promise<(string | null)[]> {
  return (await status(database.config)).tables.map((table) => table.remark)
}

/** What the error and `status` advise: captured anew, copied anew. */
async function captureAgain(pair: Pair, table: string): Promise<void> {
  await masterRemoveTables(pair.master.config, { tables: ['*.*'], backends })
  await masterAddTables(pair.master.config, { tables: [table], backends })
  await slaveRemoveTables(pair.slave.config, { tables: ['*.*'] })
  await slaveAddTables(pair.slave.config, { tables: [table] })
  await pair.syncAndCompare(table)
}

test('case 129: ALTER COLUMN TYPE … USING changes all rows: they travel', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, v text, n int)')
  await pair.master.query(`insert into t select i, 'v' || i, i from generate_series(1, 10) i`)
  await pair.sync()
  await pair.master.query('alter table t alter v type text using upper(v)')
  expect(await remarks(pair.master)).toEqual([expect.stringContaining('whole')])
  expect(await pair.syncAndCompare('t')).toMatchObject({ tables: [{ mode: 'copy', written: 10 }] })
  expect(await remarks(pair.master)).toEqual([null])
  await pair.master.query(
    'begin; alter table t alter n type bigint using n * 1000; update t set n = 7 where id = 1; commit',
  )
  await pair.slave.query('alter table t alter n type bigint')
  await pair.syncAndCompare('t')
  expect((await pair.sync()).outcome).toBe('in-sync')
})

test('case 129: the same for a partitioned table', async () => {
  await using pair = await replicatedPair(
    `create table m (id int primary key, v text) partition by range (id);
      create table m_1 partition of m for values from (0) to (10); create table m_2 partition of m default`,
    { tables: ['m'] },
  )
  await pair.master.query(`insert into m select i, 'v' from generate_series(1, 20) i`)
  await pair.sync()
  await pair.master.query(`alter table m alter v type varchar(20) using v || id`)
  await pair.slave.query(`alter table m alter v type varchar(20)`)
  await pair.syncAndCompare('m')
})

const ADDED = [
  ['nothing', 'add column a int', 'in-sync'],
  ['a constant', 'add column a int default 5', 'applied'],
  ['a volatile default', 'add column a float default random()', 'applied'],
  ['an identity', 'add column a int generated always as identity', 'applied'],
] as const

test.each(ADDED)('case 128: a column added with %s to rows that are there', async (_what, action, outcome) => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t select i, 'v' from generate_series(1, 10) i`)
  await pair.sync()
  await pair.slave.query('alter table t add column a float')
  await pair.slave.query(`alter table t alter a type ${action.includes('float') ? 'float' : 'int'}`)
  await pair.master.query(`alter table t ${action}`)
  expect((await pair.syncAndCompare('t')).outcome).toBe(outcome)
  await pair.master.query(`update t set v = 'w' where id = 3; insert into t (id) values (11)`)
  await pair.syncAndCompare('t')
})

test('case 137: VACUUM FULL, CLUSTER and REINDEX send nothing', async () => {
  await using pair = await replicatedPair(`${DDL}; create table u (id int primary key)`)
  await pair.master.query(`insert into t select i, 'v' from generate_series(1, 100) i; insert into u values (1)`)
  await pair.sync()
  for (const sql of [
    'vacuum full t',
    'cluster t using t_pkey',
    'reindex table concurrently t',
    'analyze t',
    'vacuum freeze t',
    'alter table t set (fillfactor = 50); alter table t alter v set statistics 10',
  ]) {
    await pair.master.query(sql)
    expect((await pair.sync()).outcome, sql).toBe('in-sync')
  }
  await pair.master.query(`update t set v = 'w' where id = 1`)
  expect(await pair.syncAndCompare('t', 'u')).toMatchObject({ tables: [{ mode: 'changes', written: 1 }] })
})

const KEY_DDL = [
  ['renamed', 'alter table t rename id to renamed', 'CAPTURE_BROKEN'],
  ['dropped', 'alter table t drop id cascade; alter table t add primary key (other)', 'CAPTURE_BROKEN'],
  [
    'swapped for another',
    'alter table t rename id to old; alter table t rename other to id; create unique index on t (id); alter table t rename old to other',
    'CAPTURE_BROKEN',
  ],
  ['without its index', 'alter table t drop constraint t_pkey', 'NO_KEY'],
  ['in a renamed table', 'alter table t rename to renamed; create view t as select * from renamed', 'CAPTURE_BROKEN'],
  [
    'in another schema',
    'create schema s; alter table t set schema s; create view t as select * from s.t',
    'CAPTURE_BROKEN',
  ],
] as const

for (const granularity of ['statement', 'row'] as const) {
  test.each(KEY_DDL)(
    `cases 81, 130, 131: a key that is %s never fails a write of the application, and is named (${granularity})`,
    async (_what, ddl, code) => {
      await using pair = await replicatedPair('create table t (id int primary key, v text, other int not null)')
      const { master } = pair
      await masterAddTables(master.config, { tables: ['t'], granularity, backends })
      const session = await master.connect()
      await session.query(`insert into t values (1, 'a', 11), (2, 'b', 12)`)
      await pair.sync()
      await master.query(ddl)
      for (const client of [session, master.client, await master.connect()]) {
        await client
          .query(`insert into t (v, other) select 'c', max(other) + 1 from t`)
          .catch((error: { code: string }) => {
            // A NOT NULL key without default is the application's own business.
            if (error.code !== '23502') throw error
          })
        await client.query(`update t set v = v || '!'; update t set other = other + 100`)
        await client.query('delete from t where other = 112')
      }
      expect(await remarks(master)).toEqual([expect.stringContaining('public.t')])
      await expect(pair.sync()).rejects.toMatchObject({ code, side: 'master' })
    },
  )
}

test('case 81: a key column renamed and renamed back: what was written meanwhile travels', async () => {
  await using pair = await replicatedPair(`${DDL}; create table m (a int, b int, v text, primary key (a, b))`)
  await pair.master.query(`insert into t values (1, 'a'), (2, 'a'); insert into m values (1, 1, 'a'), (2, 2, 'a')`)
  await pair.sync()
  await pair.master.query('alter table t rename id to x; alter table m rename b to y')
  await pair.master.query(
    `update t set v = 'b' where x = 1; delete from t where x = 2; insert into t values (3, 'c'); update m set y = 5 where a = 1; delete from m where a = 2`,
  )
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
  await pair.master.query('alter table t rename x to id; alter table m rename y to b')
  expect(await pair.syncAndCompare('t', 'm')).toMatchObject({ tables: [{ mode: 'copy' }, { mode: 'copy' }] })
})

test('cases 81, 131: a key column cannot change its type while it is captured, and can after that', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`insert into t values (1, 'a')`)
  await pair.sync()
  await expect(pair.master.query('alter table t alter id type bigint')).rejects.toMatchObject({
    code: '0A000',
    detail: expect.stringContaining('rserv_1_key'),
  })
  await pair.master.query(`insert into t values (2, 'b')`)
  await pair.syncAndCompare('t')
  await masterRemoveTables(pair.master.config, { tables: ['t'], backends })
  await both(pair, 'alter table t alter id type bigint')
  await pair.master.query(`insert into t values (9007199254740993, 'c')`)
  await captureAnew(pair)
})

async function captureAnew(pair: Pair): Promise<void> {
  await masterAddTables(pair.master.config, { tables: ['t'], backends })
  await slaveRemoveTables(pair.slave.config, { tables: ['t'] })
  await slaveAddTables(pair.slave.config, { tables: ['t'] })
  await pair.syncAndCompare('t')
}

test('case 131: captured anew after its key was changed', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, other int not null unique)')
  await pair.master.query('insert into t values (1, 10), (2, 20)')
  await pair.sync()
  await both(pair, 'alter table t drop constraint t_pkey, add primary key (other)')
  await pair.master.query('update t set id = 7 where other = 10; delete from t where other = 20')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'NO_KEY' })
  await captureAgain(pair, 't')
  await pair.master.query('update t set other = 11')
  await pair.syncAndCompare('t')
})

test('cases 23, 130: two tables that change names are not taken for each other', async () => {
  await using pair = await replicatedPair(`${DDL}; create table fresh (id int primary key, v text)`, { tables: ['t'] })
  await pair.master.query(`insert into t values (1, 'old'); insert into fresh values (1, 'new'), (2, 'new')`)
  await pair.sync()
  await pair.master.query('alter table t rename to old; alter table fresh rename to t')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'CAPTURE_BROKEN' })
  expect(await pair.slave.query('select * from t')).toEqual([{ id: 1, v: 'old' }])
  await captureAgain(pair, 't')
})

test.each(['statement', 'row'] as const)(
  'case 130: other columns dropped, added and converted while sessions write (%s)',
  async (granularity) => {
    await using pair = await replicatedPair('create table t (a text, id int primary key, b text, c int)')
    await masterAddTables(pair.master.config, { tables: ['t'], granularity, backends })
    const session = await pair.master.connect()
    await session.query(`insert into t values ('a', 1, 'b', 3), ('a', 2, 'b', 4)`)
    await pair.syncAndCompare('t')
    const ddl = [
      'alter table t drop a',
      'alter table t add d int',
      'alter table t alter c type text',
      'alter table t drop b',
    ]
    for (const [index, statement] of ddl.entries()) {
      await both(pair, statement)
      await session.query(
        `update t set c = c where id = 1; insert into t (id) values (${10 + index}); update t set id = -id where id = 2`,
      )
      await session.query(`update t set id = -id where id = -2; delete from t where id = ${9 + index}`)
      await pair.syncAndCompare('t')
    }
  },
)

test('cases 82, 83: the log is logged; where somebody drops it, writes fail and nothing is lost unseen', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  expect(
    await master.query(`select distinct relpersistence as p from pg_class where relnamespace = 'rserv'::regnamespace`),
  ).toEqual([{ p: 'p' }])
  await master.query('drop table rserv.log_1 cascade')
  await expect(master.query(`insert into t values (1, 'a')`)).rejects.toMatchObject({
    code: '42P01',
    message: expect.stringContaining('rserv.log_1'),
  })
  expect(await master.query('select * from t')).toEqual([])
  await masterRemoveTables(master.config, { tables: ['t'], backends })
  await master.query(`insert into t values (1, 'a')`)
  await captureAnew(pair)
})

test('cases 76, 171: without the schema rserv the application goes on, and replication says what is missing', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.master.query(`drop schema rserv cascade; insert into t values (1, 'a')`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'NOT_INITIALISED', side: 'master' })
  expect(await pair.slave.query('select * from t')).toEqual([])
})

test('case 136: a value that only the master has a label for is refused by name, and applied when it is there', async () => {
  await using pair = await replicatedPair(
    `create type mood as enum ('sad'); create table e (id int primary key, m mood)`,
  )
  await pair.master.query(`alter type mood add value 'new'`)
  await pair.master.query(`insert into e values (1, 'sad'), (2, 'new')`)
  await expect(pair.sync()).rejects.toMatchObject({ sqlState: '22P02', message: expect.stringContaining('new') })
  expect(await pair.slave.query('select * from e')).toEqual([])
  await pair.slave.query(`alter type mood add value 'new'`)
  await pair.syncAndCompare('e')
})

test('case 133: DDL that changes all rows between the plan of a transfer and its snapshot is taken in at once', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, v text)')
  await pair.master.query(`insert into t select i, 'v' || i from generate_series(1, 50) i`)
  await pair.sync()
  await pair.master.query(`insert into t values (100, 'v100')`)
  const run = startReplicator(
    { master: pair.master.config, slave: pair.slave.config },
    { pauseAt: 'acknowledge.registered' },
  )
  expect(await run.paused).toBe(true)
  await pair.master.query(`alter table t alter v type text using upper(v)`)
  run.goOn()
  expect(await run.ended).toMatchObject({ outcome: 'applied' })
  await pair.expectEqual('t')
})
