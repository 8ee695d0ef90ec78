import { check, masterAddTables, replicate, slaveAddTables, status } from '@rserv/core'
import { expect, test } from 'vitest'
import { createRole } from '@rserv/test-utils'
import { backends, replicatedPair } from '../support/pair.ts'
import { runScript, filledPair, copies, T, FILL, CHANGE } from './scripts.ts'

test('a script runs on the master and on its slave, and both go on', async () => {
  await using pair = await filledPair()
  await pair.master.query(CHANGE)
  const result = await runScript(pair, 'alter table t add n int; create index on t (n)')
  expect(result).toMatchObject({
    script: '1',
    outcome: 'run',
    waiting: [],
    slaves: [{ outcome: 'done', scripts: ['1'] }],
  })
  await pair.master.query('update t set n = id; insert into t values (200, null, 7)')
  expect(copies(await pair.syncAndCompare('t'))).toEqual([])
  expect(await pair.slave.query('select checksum from rserv.slave_ddl')).toEqual(
    await pair.master.query('select checksum from rserv.ddl'),
  )
  expect(await pair.slave.query(`select count(*)::int as n from pg_index where indrelid = 't'::regclass`)).toEqual([
    { n: 2 },
  ])
})

/** A script, what the application does afterwards, and the names of the table and its key then. */
const SHAPES: Record<string, readonly [script: string, after: string, table: string, copied: boolean]> = {
  'a renamed table': [
    'alter table t rename to "Odd t"',
    `update "Odd t" set v = 'w' where id < 5; delete from "Odd t" where id = 6`,
    '"Odd t"',
    false,
  ],
  'a table in another schema': [
    'create schema s; alter table t set schema s',
    `update s.t set v = 'w' where id < 5`,
    's.t',
    false,
  ],
  'a renamed key': [
    'alter table t rename id to key',
    `update t set key = key + 1000 where key < 5; delete from t where key = 6`,
    't',
    false,
  ],
  'everything renamed': [
    'alter table t rename id to key; alter table t rename v to w; alter table t rename to u',
    `update u set w = 'w', key = key + 1000 where key < 5`,
    'u',
    false,
  ],
  'a wider key': [
    'alter table t alter id type bigint',
    `insert into t values (9007199254740993, 'x'); update t set id = id + 9007199254740993 where id < 3`,
    't',
    true,
  ],
  'another key': [
    `alter table t add u int; update t set u = id * 2; alter table t drop constraint t_pkey, add primary key (u)`,
    `update t set id = 0 where u = 4; delete from t where u = 6; insert into t values (1, 'x', 1)`,
    't',
    true,
  ],
  'a column less': [
    'alter table t drop v; alter table t add v2 text',
    `update t set v2 = 'w' where id < 5`,
    't',
    false,
  ],
  'a converted column': [
    `alter table t alter v type varchar(50) using upper(v)`,
    `update t set v = 'w' where id < 5`,
    't',
    true,
  ],
  'a constant default': [
    `alter table t add c int not null default 42`,
    `update t set c = 1 where id < 5; insert into t (id) values (300)`,
    't',
    false,
  ],
  'the same moment as a default': [
    `alter table t add c timestamptz default now()`,
    `insert into t (id) values (300)`,
    't',
    true,
  ],
  'a random default': [`alter table t add c float default random()`, `insert into t (id) values (300)`, 't', true],
  rows: [
    `insert into t select i, md5(random()::text) from generate_series(500, 520) i; update t set v = random()::text where id < 5; delete from t where random() < 0.3`,
    `insert into t values (300, 'x')`,
    't',
    true,
  ],
  'a truncated table': [`truncate t; insert into t values (1, 'x')`, `insert into t values (300, 'x')`, 't', true],
}

test.each(Object.entries(SHAPES))(
  'after a script with %s both sides are equal and go on',
  async (_what, [script, after, table]) => {
    await using pair = await filledPair()
    await pair.master.query(CHANGE)
    expect(await runScript(pair, script)).toMatchObject({ slaves: [{ outcome: 'done', scripts: ['1'] }] })
    await pair.expectEqual(table)
    await pair.master.query(after)
    expect(copies(await pair.syncAndCompare(table))).toEqual([])
    const { findings } = await check(pair.master.config, [pair.slave.config], { backends })
    // The statistics of what was written just before a table is captured anew come late.
    expect(findings.filter(({ code }) => code !== 'uncaptured-writes')).toEqual([])
    const row = await pair.master.query(`select count(*)::int as n from pg_class where relname like 'kept%'`)
    expect(row).toEqual([{ n: 0 }])
  },
)

test.each(Object.entries(SHAPES))(
  'a slave that was away gets to the point of a script with %s, and past it',
  async (_what, [script, after, table, copied]) => {
    await using pair = await filledPair()
    await pair.master.query(CHANGE)
    expect((await runScript(pair, script, { alone: true })).waiting).toMatchObject([{ scripts: ['1'] }])
    await pair.master.query(after)
    const result = await pair.syncAndCompare(table)
    expect(result.scripts).toEqual(['1'])
    expect(copies(result)).toEqual(copied ? [table] : [])
    expect(await pair.master.query(`select relname from pg_class where relname like 'kept%'`)).toEqual([])
  },
)

test('a table that the text does not name is found, locked and put right', async () => {
  await using pair = await filledPair()
  const script = `do $$ begin execute 'alter table ' || chr(116) || ' rename id to key'; end $$`
  await runScript(pair, script, { alone: true })
  await pair.master.query('update t set key = key + 1000 where key < 5')
  expect(copies(await pair.syncAndCompare('t'))).toEqual([])
})

test('a slave whose role may not set session_replication_role gets to the point, and runs the script', async () => {
  const ddlText = `create table p (id int primary key, v text); create table c (id int primary key, p int references p on delete cascade)`
  await using pair = await filledPair(
    ddlText,
    `insert into p select i, 'v' from generate_series(1, 9) i; insert into c select i, i from generate_series(1, 9) i`,
  )
  const { master, slave } = pair
  await using role = await createRole('', [slave])
  await slave.query(`grant create, temporary on database "${slave.name}" to "${role.name}"; grant usage on schema rserv to "${role.name}";
    grant create on schema public to "${role.name}"; grant all on all tables in schema rserv to "${role.name}";
    alter table p owner to "${role.name}"; alter table c owner to "${role.name}"`)
  await master.query(`update p set v = v || id; delete from c where id = 3; delete from p where id = 3`)
  await runScript(pair, `alter table p add unique (v); alter table c rename p to parent`, { alone: true })
  await master.query(
    `update p set id = 20, v = 'x' where id = 1 and not exists (select from c where parent = 1); insert into p values (30, 'y')`,
  )
  const result = await replicate(master.config, { ...slave.config, user: role.name, password: role.password })
  expect(result.scripts).toEqual(['1'])
  await pair.expectEqual('p', 'c')
})

test('numbers that come again after a master was restored are not taken for scripts that were run', async () => {
  await using pair = await filledPair()
  await runScript(pair, 'alter table t add lost int')
  // As in a master that was restored to before it.
  await pair.master.query('delete from rserv.ddl; alter table t drop lost')
  await pair.slave.query('alter table t drop lost')
  expect(await runScript(pair, 'alter table t add found int')).toMatchObject({
    script: '1',
    slaves: [{ outcome: 'done', scripts: ['1'] }],
  })
  await pair.master.query('update t set found = id')
  await pair.syncAndCompare('t')
  expect(await pair.slave.query('select count(*)::int as n from rserv.slave_ddl')).toEqual([{ n: 2 }])
})

test('two tables that change names are not taken for each other', async () => {
  await using pair = await filledPair(
    `${T}; create table u (id int primary key, v text)`,
    `${FILL}; insert into u values (1, 'u')`,
  )
  await pair.master.query(`${CHANGE}; update u set v = 'uu'`)
  await runScript(pair, 'alter table t rename to x; alter table u rename to t; alter table x rename to u', {
    alone: true,
  })
  await pair.master.query(`update t set v = 'was u'; delete from u where id = 1`)
  expect(copies(await pair.syncAndCompare('t', 'u'))).toEqual([])
})

test('a dropped table is forgotten on both sides', async () => {
  await using pair = await filledPair(`${T}; create table u (id int primary key)`)
  await runScript(pair, 'drop table t', { alone: true })
  await pair.master.query('insert into u values (1)')
  await pair.syncAndCompare('u')
  expect((await status(pair.master.config, [pair.slave.config])).slaves[0]?.tables).toHaveLength(1)
  expect(await pair.slave.query(`select to_regclass('t') as t`)).toEqual([{ t: null }])
})

test('the point is exact: what holds of the rows only there holds on a slave that was away', async () => {
  await using pair = await replicatedPair(
    `create table parent (id int primary key, u int); create table child (id int primary key, parent int, n int)`,
  )
  const { master } = pair
  await master.query(
    `insert into parent values (1, 1), (2, 1), (3, 3); insert into child values (1, 9, null), (2, 1, null)`,
  )
  await pair.sync()
  await master.query(`update parent set u = 2 where id = 2; insert into parent values (4, 4); update child set parent = 4 where id = 1;
    update child set n = id; update parent set id = 5 where id = 3`)
  await runScript(
    pair,
    `alter table parent add unique (u); alter table child add foreign key (parent) references parent, alter n set not null`,
    { alone: true },
  )
  await runScript(pair, `alter table parent add check (u < 5)`, { alone: true })
  await master.query(`begin; alter table parent drop constraint parent_u_check; update parent set u = u + 10; commit;
    delete from child; delete from parent where id < 4`)
  // What was done by hand on one side only stands in the way after the scripts.
  await expect(pair.sync()).rejects.toMatchObject({ sqlState: '23514' })
  expect(await pair.slave.query('select ddl_id::int as id from rserv.slave_ddl order by 1')).toEqual([
    { id: 1 },
    { id: 2 },
  ])
  await pair.slave.query('alter table parent drop constraint parent_u_check')
  await pair.syncAndCompare('parent', 'child')
})

test('new partitions need no copy when they are empty, and get one when they are not', async () => {
  await using pair = await filledPair(
    `create table m (id int primary key, v text) partition by range (id); create table m_1 partition of m for values from (0) to (10)`,
    `insert into m select i, 'v' from generate_series(1, 9) i`,
  )
  await runScript(
    pair,
    'create table m_2 partition of m for values from (10) to (20); insert into m values (15, $$x$$)',
    { alone: true },
  )
  await pair.master.query(`truncate m_2; insert into m values (16, 'y'); insert into m_2 values (17, 'z')`)
  await pair.syncAndCompare('m')
  const result = await runScript(pair, 'create table m_3 partition of m for values from (20) to (30)')
  expect(result.slaves).toMatchObject([{ outcome: 'done' }])
  await pair.master.query(`insert into m_3 values (25, 'w')`)
  expect(copies(await pair.syncAndCompare('m'))).toEqual([])
  await runScript(
    pair,
    `alter table m add c int default 3; create table m_4 (like m); insert into m_4 values (35, 'q', 1);
    alter table m attach partition m_4 for values from (30) to (40); drop table m_1`,
    { alone: true },
  )
  expect(copies(await pair.syncAndCompare('m'))).toEqual(['m'])
  await runScript(pair, `alter table m add d int default 4`, { alone: true })
  expect(copies(await pair.syncAndCompare('m'))).toEqual([])
})

test('a table that a script makes can be replicated afterwards', async () => {
  await using pair = await filledPair()
  await runScript(pair, `create table fresh (id int primary key); insert into fresh values (1)`)
  await masterAddTables(pair.master.config, { tables: ['fresh'], backends })
  await slaveAddTables(pair.slave.config, { tables: ['fresh'] })
  await pair.syncAndCompare('t', 'fresh')
})

test('replicate alone runs what the slave waits for, in order; status and check name it', async () => {
  await using pair = await filledPair()
  const { master, slave } = pair
  for (let n = 1; n <= 3; n++) {
    await master.query(`update t set v = 'round ${n}' where id = ${n}`)
    await runScript(pair, `alter table t add c${n} int; ${n > 1 ? `alter table t drop c${n - 1}` : ''}`, {
      alone: true,
    })
    await master.query(`update t set c${n} = ${n} where id > ${n}`)
  }
  expect((await status(master.config)).servers).toMatchObject([{ scripts: ['1', '2', '3'] }])
  const { findings } = await check(master.config, [], { backends })
  expect(findings).toMatchObject([{ code: 'script-waiting', text: expect.stringContaining('1, 2, 3') }])
  expect(await replicate(master.config, slave.config)).toMatchObject({ scripts: ['1', '2', '3'] })
  await pair.expectEqual('t')
  expect((await status(master.config)).servers).toMatchObject([{ scripts: [] }])
})
