import { masterAddTables, masterInit, replicate, resync, slaveAddTables, slaveInit } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findings } from '../support/checking.ts'
import { backends, createPair, replicatedPair } from '../support/pair.ts'

test('case 73: writers with session_replication_role = replica are named by check, and resync repairs', async () => {
  await using pair = await replicatedPair(
    'create table t (id int primary key, v text); create table u (id int primary key)',
  )
  const { master, slave } = pair
  await master.query(`insert into t select i, 'a' from generate_series(1, 20) i; insert into u values (1)`)
  await pair.syncAndCompare('t', 'u')
  const restorer = await master.connect()
  await restorer.query(`set session_replication_role = replica; update t set v = 'b' where id < 10; delete from t where id = 20;
    insert into t values (30, 'c')`)
  // What a session wrote is counted for certain when it has ended.
  await restorer.end()
  expect(await pair.sync()).toMatchObject({ outcome: 'in-sync' })
  const named = async (): Promise<unknown[]> =>
    (await findings(pair)).map(({ code, table, fix }) => ({ code, table: table?.name, fix }))
  await expect
    .poll(named, { timeout: 20_000 })
    .toEqual([{ code: 'uncaptured-writes', table: 't', fix: expect.stringContaining('verify') }])
  await resync(master.config, slave.config, { tables: ['t'], backends })
  expect(await pair.syncAndCompare('t', 'u')).toMatchObject({ tables: [{ table: { name: 't' }, mode: 'copy' }] })
  // A role that always writes so is named before it has.
  await using role = await createRole('', [master])
  await master.query(`alter role "${role.name}" in database "${master.name}" set session_replication_role = replica`)
  expect(await findings(pair)).toContainEqual(
    expect.objectContaining({ code: 'replica-role', text: expect.stringContaining(role.name) }),
  )
})

test('case 84: tables whose long names begin alike, or are alike, are all captured', async () => {
  const long = 'x'.repeat(62)
  const names = [`${long}a`, `${long}b`, `other.${long}a`]
  const ddl = `create schema other; ${names.map((name) => `create table ${name} (id int primary key, v text)`).join('; ')}`
  for (const granularity of ['statement', 'row'] as const) {
    await using pair = await createPair('long')
    const { master, slave } = pair
    for (const database of [master, slave]) await database.query(ddl)
    await masterInit(master.config, { backends })
    await slaveInit(slave.config)
    await masterAddTables(master.config, { tables: names, granularity, backends })
    await slaveAddTables(slave.config, { tables: names })
    await replicate(master.config, slave.config)
    for (const [index, name] of names.entries()) {
      await master.query(
        `insert into ${name} values (1, '${index}'), (2, '${index}'); update ${name} set id = 3 where id = 1`,
      )
      expect(await pair.syncAndCompare(...names)).toMatchObject({ tables: [{ mode: 'changes', written: 2 }] })
    }
    await master.query(`truncate ${names.join(', ')}`)
    await pair.syncAndCompare(...names)
    const triggers = await master.query<{ n: string }>(
      `select count(*) as n from pg_trigger where tgname like 'rserv%' group by tgrelid`,
    )
    expect(new Set(triggers.map(({ n }) => n)).size).toBe(1)
    expect(triggers).toHaveLength(names.length)
  }
})

test('case 85: large objects and DDL do not travel, which docs/explanation/limits.md tells; sequences of columns do', async () => {
  await using pair = await replicatedPair('create table t (id serial primary key, photo oid)')
  const { master, slave } = pair
  await master.query(`insert into t (photo) values (lo_from_bytea(4711, 'photo')); select nextval('t_id_seq')`)
  await pair.syncAndCompare('t')
  expect(await slave.query('select * from pg_largeobject_metadata')).toEqual([])
  expect(await slave.query('select last_value::int as n from t_id_seq')).toEqual([{ n: 2 }])
  await master.query(`select lo_put(4711, 0, 'other'); create index by_photo on t (photo); comment on table t is 'x'`)
  expect(await pair.sync()).toMatchObject({ outcome: 'in-sync' })
  expect(await slave.query(`select to_regclass('by_photo') as i`)).toEqual([{ i: null }])
  const limits = readFileSync(new URL('../../docs/explanation/limits.md', import.meta.url), 'utf8')
  for (const what of ['large objects', 'schema changes', 'sequences', 'session_replication_role = replica']) {
    expect(limits).toContain(what)
  }
})
