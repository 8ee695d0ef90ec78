import { check } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { expectCodes } from '../support/checking.ts'
import { backends, createPair, replicatedPair } from '../support/pair.ts'

const T = 'create table t (id int primary key, v text)'

test('the table was renamed, moved, or dropped', async () => {
  await using pair = await replicatedPair(T)
  const { master } = pair
  await master.query('create schema other; alter table t rename to "T 2"; alter table "T 2" set schema other')
  const [renamed] = await expectCodes(pair, ['table-renamed'])
  await master.query(renamed?.fix ?? '')
  await expectCodes(pair, [])
  await master.query('drop table t')
  const [gone] = await expectCodes(pair, ['table-gone'])
  expect(gone?.fix).toBe(`rserv master-remove-table ${master.name} public.t`)
})

test('a table that is another one by the same name, as after a restore', async () => {
  await using pair = await replicatedPair(T)
  await pair.master.query(`drop table t; ${T}`)
  const [found] = await expectCodes(pair, ['table-recreated'])
  expect(found?.fix).toBe(`rserv resync ${pair.master.name} ${pair.slave.name} public.t`)
})

test('unlogged, row-level security, inheritance, no ordinary table', async () => {
  await using pair = await replicatedPair(
    `${T}; create table s (id int primary key); create table c (id int primary key)`,
  )
  await using role = await createRole('', [pair.master])
  const { master } = pair
  await master.query(
    `alter table t set unlogged; create table parent (id int); alter table c alter id set not null; alter table c inherit parent`,
  )
  const found = await expectCodes(pair, ['unlogged', 'inherits'])
  expect(found.find(({ code }) => code === 'unlogged')?.fix).toBe('ALTER TABLE "public"."t" SET LOGGED;')
  await master.query('alter table t set logged; alter table c no inherit parent')
  await pair.sync()
  await master.query(`alter table s enable row level security; create policy all_rows on s using (true);
    grant usage on schema rserv to "${role.name}"; grant select on all tables in schema rserv to "${role.name}"; grant select on all sequences in schema rserv to "${role.name}"; grant select on s, t, c to "${role.name}"`)
  const as = { ...master.config, user: role.name, password: role.password }
  const limited = await check(as, [], { backends })
  expect(limited.findings.map(({ code, table }) => `${code} ${table?.name}`)).toContain('row-security s')
  await expectCodes(pair, [])
  await master.query(
    'create table whole (id int not null) partition by range (id); alter table whole attach partition s for values from (0) to (9)',
  )
  await expectCodes(pair, ['table-unsupported'])
})

test('the key: its index gone, NULL allowed, its column another one', async () => {
  await using pair = await replicatedPair(T)
  const { master } = pair
  await master.query('alter table t drop constraint t_pkey')
  const [index] = await expectCodes(pair, ['key-index-missing'])
  await master.query(index?.fix ?? '')
  await expectCodes(pair, [])
  await master.query('alter table t alter id drop not null')
  const [nullable] = await expectCodes(pair, ['key-index-missing'])
  await master.query(nullable?.fix ?? '')
  await expectCodes(pair, [])
  await master.query('alter table t rename id to old; alter table t add id int')
  await expectCodes(pair, ['key-column-changed', 'column-missing'])
})

test('DDL that makes the next transfer copy the table; a log that was dropped', async () => {
  await using pair = await replicatedPair(`${T}; create table u (id int primary key)`)
  await pair.slave.query('alter table t add w int')
  await pair.master.query('alter table t add w int default 7; drop table rserv.log_2_1')
  const found = await expectCodes(pair, ['copied-whole', 'log-missing'])
  expect(found.map(({ code }) => code)).toEqual(['log-missing', 'copied-whole'])
})

test('the two are not set up, are older or newer, cannot be reached, or are one', async () => {
  await using empty = await createPair('check')
  await expectCodes(empty, ['not-initialised', 'not-initialised'])
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  const nowhere = { ...slave.config, database: 'rserv_test_nowhere' }
  const options = { backends }
  const codes = async (...slaves: object[]): Promise<string[]> =>
    (await check(master.config, slaves, options)).findings.map(({ code }) => code)
  expect(await codes(nowhere, slave.config)).toEqual(['unreachable'])
  await slave.query('update rserv.node set schema_version = 99')
  await expectCodes(pair, ['schema-too-new'])
  await slave.query('update rserv.node set schema_version = 0')
  const [old] = await expectCodes(pair, ['schema-old'])
  expect(old?.fix).toBe(`rserv slave-init ${slave.name}`)
  await slave.query('update rserv.node set schema_version = 1')
  await master.query('update rserv.node set is_slave = true')
  expect(await codes(master.config)).toEqual(['same-node'])
  const cancelled = check(master.config, [], { backends, signal: AbortSignal.abort() })
  await expect(cancelled).rejects.toMatchObject({ code: 'CANCELLED' })
})

test('case 74: a subscription that writes a captured table', async () => {
  await using pair = await replicatedPair(T)
  const { master } = pair
  // Made without a connection, so that it does nothing; the relation is what its start would record.
  const name = master.name
  await master.query(
    `create subscription "${name}" connection 'dbname=nowhere' publication p with (connect = false, slot_name = none)`,
  )
  try {
    await master.query(`insert into pg_subscription_rel (srsubid, srrelid, srsubstate)
      select s.oid, 't'::regclass, 'r' from pg_subscription s where subname = '${name}'`)
    await expectCodes(pair, ['subscription'])
  } finally {
    await master.query(`drop subscription "${name}"`)
  }
})
