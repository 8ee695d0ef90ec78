import type { VerifyResult } from '@rserv/core'
import { cleanLog, masterAddTables, masterInit, replicate, slaveAddTables, slaveInit, verify } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase, createRole, serverOfMajor, testMajor } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { Pair } from './support/pair.ts'
import { backends, createPair, replicatedPair } from './support/pair.ts'

const check = (pair: Pair, repair = false): Promise<VerifyResult> =>
  verify(pair.master.config, pair.slave.config, { repair })

/** [table, outcome or error's code] of each. */
function outcomes({ tables }: VerifyResult): string[][] {
  return tables.map(({ table, outcome, error }) => [table.name, error?.code ?? outcome])
}

const EVERYTHING = `create type mood as enum ('sad', 'ok'); create type two as (a int, b text); create domain short as varchar(5);
  create table odd ("the Key" timestamptz, k2 numeric, "select" real, d double precision, i interval, b bytea, m money,
    j json, jb jsonb, x xml, p point, r tstzrange, a text[], e mood, c two, s short, f char(5), g int generated always as (1) stored,
    n inet, bits bit varying, primary key ("the Key", k2));
  create table words (w text primary key, v text)`
const ROWS = `insert into odd values ('2024-03-04 05:06:07.123456+05', 1.10, 0.1, 0.30000000000000004, '1 year -2 days 00:00:00.5', '\\x00ff27', '-12.34',
    '{"a": 1.10,  "a":2}', '{"a": 1.10}', '<a>x</a>', '(0.1,-0)', '[2024-01-01,2024-02-01)', '{a,NULL,"b c",""}', 'ok', row(1, 'x y'), 'ab', 'ab', default, '10.0.0.1/8', B'101'),
  ('infinity', 'NaN', '-0', '5e-324', null, '', null, null, null, null, null, 'empty', '{}', null, row(null, ''), '', '', default, null, null);
  insert into words select chr(96 + i) || w, w from unnest(array['a', 'B', '_c', 'é', '"q"', E'\\\\b', E't\\tb', '''s', '10', '9', ' ']) w, generate_series(1, 26) i`
/** Settings of a database that change how values are written. */
const STRANGE = [
  'datestyle = "German, DMY"',
  'timezone = "Asia/Kathmandu"',
  'intervalstyle = "iso_8601"',
  'extra_float_digits = -3',
  'bytea_output = "escape"',
  'search_path = "x"',
  'row_security = on',
  'standard_conforming_strings = off',
  'backslash_quote = on',
]

async function settle({ query, name }: TestDatabase): Promise<void> {
  for (const setting of STRANGE) await query(`alter database "${name}" set ${setting}`)
}

/** Sets replication of two databases up that were made by other means. */
async function pairOf(master: TestDatabase, slave: TestDatabase, ddl: string, slaveDdl = ddl): Promise<Pair> {
  const made = await createPair('unused')
  await made[Symbol.asyncDispose]()
  await master.query(ddl)
  await slave.query(slaveDdl)
  await masterInit(master.config, { backends })
  await slaveInit(slave.config)
  await masterAddTables(master.config, { tables: [], all: true, backends })
  await slaveAddTables(slave.config, { tables: [], all: true })
  return { ...made, master, slave, sync: () => replicate(master.config, slave.config) }
}

test('sides that differ in encoding, collations and every setting: equal rows are equal, odd ones are found', async () => {
  await using master = await createDatabase({ encoding: 'UTF8' })
  await using slave = await createDatabase({ encoding: 'LATIN1' })
  const other = EVERYTHING.replace('w text primary key', 'w text collate "C" primary key')
  const pair = await pairOf(
    master,
    slave,
    EVERYTHING.replace('w text primary', 'w text collate "und-x-icu" primary'),
    other,
  )
  await master.query(ROWS)
  await settle(slave)
  await pair.sync()
  expect(outcomes(await check(pair))).toEqual([
    ['odd', 'equal'],
    ['words', 'equal'],
  ])
  await slave.query(
    `update odd set d = 0.1 + 0.2 - 1e-16, "select" = '0' where k2 = 'NaN'; update words set v = 'e' where w like '%é'; delete from words where w like 'aa%'`,
  )
  const found = await check(pair, true)
  expect(found.tables).toMatchObject([
    { different: 1, keys: [{ key: ['infinity', 'NaN'] }] },
    { missing: 1, different: 26 },
  ])
  expect(outcomes(await check(pair))).toEqual([
    ['odd', 'equal'],
    ['words', 'equal'],
  ])
})

test('another major version on the other side', async () => {
  await using old = await serverOfMajor(testMajor() === 14 ? 18 : 14)
  await using master = await createDatabase({ server: old.config })
  await using slave = await createDatabase()
  const pair = await pairOf(master, slave, EVERYTHING)
  await master.query(ROWS)
  await pair.sync()
  expect(outcomes(await check(pair))).toEqual([
    ['odd', 'equal'],
    ['words', 'equal'],
  ])
  await slave.query(`update odd set i = '1 year -2 days' where k2 = 1.1; insert into words values ('more', '')`)
  expect((await check(pair, true)).tables).toMatchObject([{ different: 1 }, { extra: 1 }])
  expect(outcomes(await check(pair))).toEqual([
    ['odd', 'equal'],
    ['words', 'equal'],
  ])
})

test('two spellings of one key are one (case 90), found where they differ', async () => {
  const collation = `create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)`
  await using pair = await replicatedPair(
    `${collation}; create table t (k text collate ci primary key, n numeric unique, v int)`,
  )
  await pair.master.query(`insert into t values ('Anna', 1.0, 1), ('Bert', 2, 2)`)
  await pair.sync()
  await pair.slave.query(
    `update t set k = 'ANNA'; update t set n = 2.00 where v = 2`.replace(
      `'ANNA'`,
      `case v when 1 then 'ANNA' else k end`,
    ),
  )
  const found = await check(pair, true)
  expect(found.tables).toMatchObject([
    { missing: 0, extra: 0, different: 2, keys: [{ key: ['Anna'] }, { key: ['Bert'] }] },
  ])
  await pair.expectEqual('t')
})

test('columns of one side only, wider types, other order; a key that only the wider type holds is repaired by a copy', async () => {
  await using pair = await replicatedPair(
    `create table t (id int primary key, v varchar(5), r real, g int generated always as (id * 2) stored)`,
    {
      slaveDdl: `create table t (own text default 'mine', r double precision, v text, id bigint primary key, g int)`,
    },
  )
  await pair.master.query(`insert into t values (1, 'a', 0.1), (2, 'b', 1e-7)`)
  await pair.sync()
  await pair.slave.query(`update t set own = 'changed', g = 7`)
  expect(outcomes(await check(pair))).toEqual([['t', 'equal']])
  await pair.slave.query(`insert into t values ('x', 0, '', 5000000000, 1)`)
  expect((await check(pair, true)).tables).toMatchObject([
    { extra: 1, keys: [{ key: ['5000000000'] }], repaired: true },
  ])
  expect(await pair.slave.query('select id::int from t order by id')).toEqual([{ id: 1 }, { id: 2 }])
  expect(outcomes(await check(pair))).toEqual([['t', 'equal']])
})

test('children of inheritance are tables of their own; more columns than a function takes arguments', async () => {
  const columns = Array.from({ length: 250 }, (_, index) => `c${index} int default ${index}`).join(', ')
  await using pair = await replicatedPair(
    `create table wide (id int primary key, ${columns}); create table base (id int primary key); create table child () inherits (base)`,
    { tables: ['wide', 'base'] },
  )
  await pair.master.query(
    'insert into wide (id) select generate_series(1, 10); insert into base values (1); insert into child values (2)',
  )
  await pair.slave.query('insert into child values (3)')
  await pair.sync()
  expect(outcomes(await check(pair))).toEqual([
    ['base', 'equal'],
    ['wide', 'equal'],
  ])
  await pair.slave.query('update wide set c249 = 0 where id = 3')
  expect((await check(pair)).tables[1]?.keys).toEqual([{ kind: 'different', key: ['3'] }])
})

const MANY = `create table good (id int primary key, v int); create table retyped (id int primary key, v int); create table gone (id int primary key, v int);
  create table keyless (id int primary key, v int); create table narrowed (id int primary key, v int); create table lost (id int primary key, v int);
  create table cleaned (id int primary key, v int); create table parted (id int primary key) partition by range (id)`

test('a table that cannot be compared is named with its reason, and the others are compared', async () => {
  await using pair = await replicatedPair(MANY)
  await pair.master.query('insert into good select i, i from generate_series(1, 10) i')
  await pair.sync()
  await pair.slave
    .query(`alter table retyped alter v type date using null; drop table gone; alter table keyless drop constraint keyless_pkey;
    alter table narrowed drop v; delete from good where id = 1`)
  await pair.master
    .query(`alter table lost disable trigger user; update rserv.replicated_table set log_start = '99999999:99999999:' where table_name = 'cleaned';
    create table parted_1 partition of parted for values from (0) to (10)`)
  const result = await check(pair)
  expect(outcomes(result)).toEqual([
    ['cleaned', 'LOG_GAP'],
    ['gone', 'NO_SUCH_TABLE'],
    ['good', 'different'],
    ['keyless', 'NO_KEY'],
    ['lost', 'CAPTURE_BROKEN'],
    ['narrowed', 'TABLE_MISMATCH'],
    ['parted', 'copied-next'],
    ['retyped', 'TABLE_MISMATCH'],
  ])
  for (const { error } of result.tables.filter((table) => table.error)) expect(error?.hint).toBeTruthy()
  expect(result.tables[0]?.error?.hint).toContain(`rserv resync ${pair.master.name} ${pair.slave.name} public.cleaned`)
})

test('an ordinary role needs no more than to replicate; rows that row-level security hides are not called missing', async () => {
  await using pair = await replicatedPair(
    'create table t (id int primary key, v text); create table hidden (id int primary key)',
  )
  await using role = await createRole('', [pair.master, pair.slave])
  const repl = `"${role.name}"`
  for (const { query } of [pair.master, pair.slave]) {
    await query(`grant usage on schema rserv, public to ${repl}; grant select, insert, update, delete on all tables in schema rserv, public to ${repl};
      grant usage, select, update on all sequences in schema rserv to ${repl}`)
  }
  await pair.master.query(`insert into t values (1, 'a'), (2, 'b'); insert into hidden values (1)`)
  await pair.sync()
  await pair.slave.query(`alter table hidden enable row level security; delete from t where id = 1`)
  const as = ({ config }: TestDatabase): object => ({ ...config, user: role.name, password: role.password })
  const found = await verify(as(pair.master), as(pair.slave))
  expect(outcomes(found)).toEqual([
    ['hidden', 'ROW_SECURITY'],
    ['t', 'different'],
  ])
  expect((await verify(as(pair.master), as(pair.slave), { tables: ['t'], repair: true })).tables).toMatchObject([
    { repaired: true },
  ])
  await pair.expectEqual('t')
})

test('a slave that is restored, or was never filled', async () => {
  await using pair = await replicatedPair('create table t (id int primary key)')
  const [old] = await pair.slave.query('select sync_id, position::text, token from rserv.slave_sync')
  await pair.master.query('insert into t select generate_series(1, 100)')
  await pair.sync()
  await pair.slave.query('update rserv.slave_sync set sync_id = $1, position = $2, token = $3', [
    old?.['sync_id'],
    old?.['position'],
    old?.['token'],
  ])
  await pair.slave.query('delete from t where id > 50')
  // The log still has all of it.
  expect((await check(pair)).tables).toMatchObject([{ outcome: 'equal', pending: 100, rows: 0 }])
  await cleanLog(pair.master.config, { olderThanSeconds: 0, backends })
  await expect(check(pair)).rejects.toMatchObject({ code: 'LOG_GAP', hint: expect.stringContaining('rserv resync') })
  await pair.slave.query('update rserv.slave_sync set sync_id = 1000')
  await expect(check(pair)).rejects.toMatchObject({
    code: 'POSITION_UNKNOWN',
    hint: expect.stringContaining('rserv resync'),
  })
})
