import { expect, test } from 'vitest'
import { replicatedPair } from './support/pair.ts'

/** Type, and values of it that a careless path through JavaScript or session settings would damage. */
const TYPES: readonly (readonly [string, readonly string[]])[] = [
  ['boolean', ['true', 'false', 'null']],
  ['smallint', ['-32768', '32767']],
  ['integer', ['-2147483648', '2147483647']],
  ['bigint', ['-9223372036854775808', '9223372036854775807', '9007199254740993']],
  [
    'numeric',
    [`'1.00'`, `'1.0'`, `'12345678901234567890.123456789'`, `'NaN'`, `'Infinity'`, `'-Infinity'`, `'1e-300'`],
  ],
  ['numeric(10,2)', [`'1.50'`, `'-0.01'`]],
  ['real', [`'0.1'`, `'-0'`, `'NaN'`, `'Infinity'`, `'1.17549435e-38'`]],
  ['double precision', [`'0.30000000000000004'`, `'-0'`, `'NaN'`, `'-Infinity'`, `'5e-324'`]],
  ['money', [`'-12.34'`]],
  [
    'text',
    [
      `''`,
      `null`,
      `'\\N'`,
      `'\\.'`,
      `E'tab\\tnl\\ncr\\r\\\\bs'`,
      `'trailing  '`,
      `U&'\\00e9 e\\0301 \\+01F600 \\0130i'`,
    ],
  ],
  ['varchar(5)', [`'ab  '`]],
  ['char(5)', [`'ab'`]],
  ['"char"', [`'x'`]],
  ['name', [`'a name'`]],
  ['bytea', [`''`, `'\\x00ff5c0a0d09'`, `'\\x27225c'`]],
  ['date', [`'infinity'`, `'-infinity'`, `'0044-03-15 BC'`, `'12345-01-01'`]],
  ['time', [`'23:59:59.999999'`, `'24:00'`]],
  ['timetz', [`'23:59:59.123456+05:30'`]],
  ['timestamp', [`'2024-03-04 05:06:07.123456'`, `'infinity'`, `'4713-01-01 BC'`]],
  ['timestamptz', [`'2024-03-04 05:06:07.123456+05:30'`, `'-infinity'`, `'20000-01-01 00:00Z'`]],
  ['timestamp(3)', [`'2024-03-04 05:06:07.123'`]],
  ['interval', [`'1 month'`, `'30 days'`, `'-1 year 2 mons -3 days 04:05:06.789012'`]],
  ['uuid', [`'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'`]],
  ['json', [`'{"a": 1.10,  "a":9007199254740993}'`, `'"\\u00e9"'`, `'null'`]],
  ['jsonb', [`'{"a": 1.10, "b":9007199254740993, "c": [1e400]}'`]],
  ['xml', [`'<a b="c">é &amp; d</a>'`]],
  ['inet', [`'192.168.0.1/24'`, `'::1'`]],
  ['cidr', [`'10.0.0.0/8'`]],
  ['macaddr', [`'08:00:2b:01:02:03'`]],
  ['macaddr8', [`'08:00:2b:01:02:03:04:05'`]],
  ['bit(5)', [`B'10101'`]],
  ['bit varying', [`B''`, `B'1'`]],
  ['point', [`'(0.1,-0)'`]],
  ['line', [`'{1,2,3}'`]],
  ['lseg', [`'[(0,0),(1,1)]'`]],
  ['box', [`'((1,1),(0,0))'`]],
  ['path', [`'[(0,0),(1,1)]'`]],
  ['polygon', [`'((0,0),(1,1),(2,0))'`]],
  ['circle', [`'<(0,0),1.5>'`]],
  ['tsvector', [`'a:1A b:2'`]],
  ['tsquery', [`'a & !b'`]],
  ['int4range', [`'[1,5)'`, `'empty'`]],
  ['int8multirange', [`'{[1,3),[5,7)}'`]],
  ['tstzrange', [`'["2024-01-01 00:00:00.000001+00",)'`]],
  ['oid', ['4294967295']],
  ['xid8', [`'18446744073709551615'`]],
  ['pg_lsn', [`'FFFFFFFF/FFFFFFFF'`]],
  ['pg_snapshot', [`'10:20:12,15'`]],
  ['regclass', [`'pg_class'`]],
  ['integer[]', [`'{}'`, `'{1,null,3}'`, `'[0:1]={1,2}'`, `'{{1,2},{3,4}}'`]],
  ['text[]', [`array['a,b', '"q"', null, 'NULL', E'\\\\']`]],
  ['mood', [`'happy'`, `'très triste'`]],
  ['odd_schema."Odd Type"', [`row(1, null)`, `row(null, 'a,b"c')`]],
  ['odd_schema."Odd Type"[]', [`array[row(1, 'x')::odd_schema."Odd Type"]`]],
  ['positive', ['5']],
  ['not_empty', [`'x'`]],
]

const DDL = `create schema odd_schema;
  create type mood as enum ('happy', 'très triste');
  create type odd_schema."Odd Type" as (a int, "b c" text);
  create domain positive as int check (value > 0);
  create domain base_text as varchar(20);
  create domain not_empty as base_text not null check (value <> '');
  create table every (id int primary key, ${TYPES.map(([type], index) => `c${index} ${type}${type === 'not_empty' ? ` default 'd'` : ''}`).join(', ')})`

test('cases 107, 117, 118, 124: every type, byte for byte, also where both roles have odd settings', async () => {
  await using pair = await replicatedPair(DDL, { label: 'types' })
  for (const database of [pair.master, pair.slave]) {
    // Taken by the sessions that come after (case 124).
    await database.query(`do $$ begin
      execute format('alter database %I set datestyle = ''SQL, DMY''', current_database());
      execute format('alter database %I set timezone = ''Asia/Kolkata''', current_database());
      execute format('alter database %I set intervalstyle = ''sql_standard''', current_database());
      execute format('alter database %I set extra_float_digits = -5', current_database());
      execute format('alter database %I set bytea_output = ''escape''', current_database());
      execute format('alter database %I set standard_conforming_strings = off', current_database());
      execute format('alter database %I set default_transaction_isolation = ''serializable''', current_database());
      execute format('alter database %I set default_transaction_read_only = on', current_database());
      execute format('alter database %I set statement_timeout = ''30ms''', current_database());
    end $$`)
  }
  let id = 0
  for (const [index, [type, values]] of TYPES.entries()) {
    for (const value of values) {
      await pair.master.query(`insert into every (id, c${index}) values (${++id}, (${value})::${type})`)
    }
  }
  await pair.syncAndCompare('every')
  await pair.master.query('update every set id = id + 1000 where id % 2 = 0')
  await pair.syncAndCompare('every')
  expect(await pair.slave.query('select count(*)::int as n from every')).toEqual([{ n: id }])
})

const KEY_TYPES = TYPES.filter(([type]) => !/json$|xml|point|line|lseg|box|path|polygon|circle|pg_snapshot/.test(type))

test.each(KEY_TYPES)(
  'cases 86 to 89, 91 to 94, 96, 102, 103: key of type %s: rows found again, changed, deleted',
  async (type, values) => {
    const ddl = `create schema odd_schema; create type mood as enum ('happy', 'très triste');
    create type odd_schema."Odd Type" as (a int, "b c" text); create domain positive as int check (value > 0);
    create domain base_text as varchar(20); create domain not_empty as base_text not null check (value <> '');
    create table k (part int, key ${type}, v int, primary key (key, part))`
    await using pair = await replicatedPair(ddl, { label: 'key' })
    const keys = values.filter((value) => value !== 'null')
    await pair.master.query(`set timezone = 'Asia/Kolkata'; set datestyle = 'SQL, DMY'; set extra_float_digits = -5`)
    for (const [index, value] of keys.entries()) {
      await pair.master.query(
        `insert into k values (${index}, (${value})::${type}, 1), (${index} + 100, (${value})::${type}, 1)`,
      )
    }
    await pair.syncAndCompare('k')
    await pair.master.query('update k set v = 2 where part < 100; delete from k where part >= 100')
    await pair.syncAndCompare('k')
    await pair.master.query('update k set part = part + 1000')
    await pair.syncAndCompare('k')
  },
)

test('case 90: keys that are equal but spelt differently are one key', async () => {
  const ddl = `create collation nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    create table t (k text collate nocase primary key, v int); create table n (k numeric primary key, v int)`
  await using pair = await replicatedPair(ddl)
  await pair.master.query(`insert into t values ('Foo', 1); insert into n values (1.0, 1)`)
  await pair.syncAndCompare('t', 'n')
  await pair.master.query(
    `update t set k = 'foo'; update t set k = 'FOO', v = 2; update n set k = 1.00; update n set v = 3 where k = 1`,
  )
  await pair.syncAndCompare('t', 'n')
})
