import { expect, test } from 'vitest'
import { replicatedPair } from './support/pair.ts'
import { EVERY_TYPE, TYPES } from './support/type-values.ts'

test('cases 107, 117, 118, 124: every type, byte for byte, also where both roles have odd settings', async () => {
  await using pair = await replicatedPair(EVERY_TYPE, { label: 'types' })
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
