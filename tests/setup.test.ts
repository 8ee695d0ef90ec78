import { masterAddTables, masterInit, slaveAddTables, slaveInit, status } from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends, createPair, replicatedPair } from './support/pair.ts'

test('init is idempotent, runs at once are safe, and a database may be both', async () => {
  await using database = await createDatabase()
  const runs = await Promise.all([
    ...[1, 2, 3].map(() => masterInit(database.config, { backends })),
    ...[1, 2, 3].map(() => slaveInit(database.config)),
  ])
  expect(new Set(runs.map((run) => run.nodeId)).size).toBe(1)
  expect(runs.filter((run) => run.previousVersion === null)).toHaveLength(1)
  expect(await database.query('select is_master, is_slave, backend from rserv.node')).toEqual([
    { is_master: true, is_slave: true, backend: 'plpgsql' },
  ])
})

test('a schema that is newer than the program is refused', async () => {
  await using pair = await replicatedPair('create table t (id int primary key)')
  await pair.slave.query('update rserv.node set schema_version = 1000')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW', side: 'slave' })
  await expect(slaveInit(pair.slave.config)).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' })
})

test('tables that are added at once by several runs are added once', async () => {
  await using pair = await createPair()
  await pair.master.query('create table t (id int primary key); create table u (id int primary key)')
  await masterInit(pair.master.config, { backends })
  await Promise.all([1, 2, 3, 4].map(() => masterAddTables(pair.master.config, { tables: [], all: true, backends })))
  expect((await status(pair.master.config)).tables.map(({ table }) => table.name)).toEqual(['t', 'u'])
})

const MISMATCHES: readonly (readonly [string, string, string])[] = [
  ['lacks a column', 'create table t (id int primary key)', 'TABLE_MISMATCH'],
  ['has a narrower type', 'create table t (id int primary key, v varchar(3))', 'TABLE_MISMATCH'],
  ['has another type', 'create table t (id int primary key, v bytea)', 'TABLE_MISMATCH'],
  [
    'computes the column',
    `create table t (id int primary key, v text generated always as ('x') stored)`,
    'TABLE_MISMATCH',
  ],
  ['wants more', 'create table t (id int primary key, v text, more int not null)', 'TABLE_MISMATCH'],
]

test.each(MISMATCHES)(
  'cases 22, 112, 113: a slave table that %s is refused before any row',
  async (_what, slaveDdl, code) => {
    await using pair = await createPair('mismatch')
    await pair.master.query(`create table t (id int primary key, v text); insert into t values (1, 'a')`)
    await pair.slave.query(slaveDdl)
    await masterInit(pair.master.config, { backends })
    await slaveInit(pair.slave.config)
    await masterAddTables(pair.master.config, { tables: ['t'], backends })
    await slaveAddTables(pair.slave.config, { tables: ['t'] })
    await expect(pair.sync()).rejects.toMatchObject({ code, side: 'slave' })
    expect(await pair.slave.query('select from t')).toEqual([])
  },
)

test('case 113: wider types on the slave take the rows', async () => {
  await using pair = await replicatedPair(
    'create table t (id int primary key, v varchar(10), n numeric(6,2), r real)',
    {
      slaveDdl: 'create table t (id bigint primary key, v text, n numeric, r double precision)',
    },
  )
  await pair.master.query(`insert into t values (1, 'a', 1.50, 0.1), (2, 'b', -3.00, 'NaN')`)
  await pair.syncAndCompare('t')
  await pair.master.query(`update t set id = 3 where id = 1; delete from t where id = 2`)
  await pair.syncAndCompare('t')
})

test('case 148: a slave table that is gone is named', async () => {
  await using pair = await replicatedPair('create table t (id int primary key)')
  await pair.master.query('insert into t values (1)')
  await pair.slave.query('drop table t')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'NO_SUCH_TABLE', side: 'slave' })
})

test('cases 128, 130: columns added on both sides go on; one only the master has is named', async () => {
  await using pair = await replicatedPair('create table t (id int primary key)')
  await pair.slave.query('alter table t add column v text')
  await pair.master.query(`alter table t add column v text; insert into t values (1, 'a')`)
  await pair.syncAndCompare('t')
  await pair.master.query(`alter table t add column w text; insert into t values (2, 'b', 'c')`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'TABLE_MISMATCH' })
  await pair.slave.query('alter table t add column w text')
  await pair.syncAndCompare('t')
})

test('cases 77, 79, 99: what cannot be replicated is refused with its reason', async () => {
  await using database = await createDatabase()
  await database.query(`create unlogged table unlogged (id int primary key); create view v as select 1 as id;
    create materialized view mv as select 1 as id; create table keyless (id int); create table nullable (id int unique);
    create table partial (id int not null); create unique index on partial (id) where id > 0;
    create table parted (id int primary key) partition by range (id); create table parted_1 partition of parted default`)
  await masterInit(database.config, { backends })
  const add = (table: string, keyColumns?: string[]): Promise<unknown> =>
    masterAddTables(database.config, { tables: [table], backends, ...(keyColumns ? { keyColumns } : {}) })
  for (const table of ['unlogged', 'v', 'mv', 'parted_1', 'pg_catalog.pg_class', 'rserv.node']) {
    await expect(add(table), table).rejects.toMatchObject({ code: 'UNSUPPORTED_TABLE' })
  }
  await expect(add('keyless')).rejects.toMatchObject({ code: 'NO_KEY' })
  await expect(add('nullable', ['id'])).rejects.toMatchObject({
    code: 'NO_KEY',
    message: expect.stringContaining('NULL'),
  })
  await expect(add('partial', ['id'])).rejects.toMatchObject({ code: 'NO_KEY' })
  await expect(add('keyless', ['nothing'])).rejects.toMatchObject({ code: 'NO_SUCH_COLUMN' })
  await expect(add('none.such')).rejects.toMatchObject({ code: 'NO_SUCH_TABLE' })
  expect(await database.query('select from rserv.replicated_table')).toEqual([])
})
