// Case 64 where the trigger comes later: the capture goes by the columns that an UPDATE names.
import { masterAddTables, masterInit } from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends, replicatedPair } from '../support/pair.ts'

const TABLE = 'create table t (id int primary key, v text)'

/** A BEFORE trigger that gives every updated row another key, which no UPDATE names. */
const MOVES_KEYS = `create function moves() returns trigger language plpgsql as 'begin new.id := new.id + 100; return new; end';
  create trigger moves before update on t for each row execute function moves()`

const KEY_TRIGGER = `select pg_get_triggerdef(oid) ~ ' UPDATE OF id ON ' as named, tgenabled as enabled
  from pg_trigger where tgname = 'rserv_1_key'`

test('case 64: a BEFORE trigger that comes after the capture changes keys: the table is copied once, then keys are known', async () => {
  await using pair = await replicatedPair(TABLE)
  await pair.master.query(`insert into t select g, 'a' from generate_series(1, 5) g`)
  await pair.sync()
  // Plans of the capture are kept by this session.
  for (const id of [1, 2, 3]) await pair.master.query(`update t set v = 'b' where id = ${id}`)
  expect(await pair.master.query(KEY_TRIGGER)).toEqual([{ named: true, enabled: 'O' }])
  await pair.syncAndCompare('t')
  await pair.master.query(MOVES_KEYS)
  await pair.master.query(`update t set v = 'c' where id = 1`)
  expect(await pair.syncAndCompare('t')).toMatchObject({ tables: [{ mode: 'copy' }] })
  expect(await pair.master.query(KEY_TRIGGER)).toEqual([{ named: false, enabled: 'O' }])
  await pair.master.query(`update t set v = 'd' where id = 2`)
  expect(await pair.syncAndCompare('t')).toMatchObject({ tables: [{ mode: 'changes' }] })
})

test('case 64: a BEFORE trigger that came and went between two transfers', async () => {
  await using pair = await replicatedPair(TABLE)
  await pair.master.query(`insert into t select g, 'a' from generate_series(1, 5) g`)
  await pair.sync()
  await pair.master.query(`update t set v = 'b' where id = 1`)
  await pair.sync()
  await pair.master.query(MOVES_KEYS)
  await pair.master.query(`update t set v = 'c' where id in (1, 2)`)
  await pair.master.query('drop trigger moves on t')
  expect(await pair.syncAndCompare('t')).toMatchObject({ tables: [{ mode: 'copy' }] })
  await pair.master.query(`update t set v = 'd' where id = 3`)
  expect(await pair.syncAndCompare('t')).toMatchObject({ tables: [{ mode: 'changes' }] })
})

test('case 64: a BEFORE trigger that was there before the capture', async () => {
  await using pair = await replicatedPair(`${TABLE}; ${MOVES_KEYS.replaceAll('\n', ' ')}`)
  await pair.master.query(`insert into t select g, 'a' from generate_series(1, 5) g`)
  await pair.sync()
  expect(await pair.master.query(KEY_TRIGGER)).toEqual([{ named: false, enabled: 'O' }])
  await pair.master.query(`update t set v = 'c' where id = 1`)
  expect(await pair.syncAndCompare('t')).toMatchObject({ tables: [{ mode: 'changes' }] })
})

test('a trigger of the capture that sees transfers goes on doing so when it is made anew', async () => {
  await using pair = await replicatedPair(TABLE)
  await pair.sync()
  await pair.master.query('alter table t enable always trigger rserv_1_key')
  await pair.master.query(MOVES_KEYS)
  await pair.sync()
  expect(await pair.master.query(KEY_TRIGGER)).toEqual([{ named: false, enabled: 'A' }])
})

test('a table that is being written when it gets a BEFORE trigger waits for its capture, and loses nothing', async () => {
  await using pair = await replicatedPair(TABLE)
  await pair.master.query(`insert into t select g, 'a' from generate_series(1, 5) g`)
  await pair.sync()
  await pair.master.query(MOVES_KEYS)
  const writer = await pair.master.connect()
  await writer.query(`begin; update t set v = 'c' where id = 1`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', sqlState: '55P03' })
  await writer.query('commit')
  expect(await pair.syncAndCompare('t')).toMatchObject({ tables: [{ mode: 'copy' }] })
})

test('case 105: a key that is computed is refused, since it does not travel', async () => {
  await using database = await createDatabase()
  await database.query('create table t (a int not null unique, id int generated always as (a * 10) stored primary key)')
  await masterInit(database.config, { backends })
  await expect(masterAddTables(database.config, { tables: ['t'], backends })).rejects.toMatchObject({
    code: 'NO_KEY',
    hint: 'Keys that would do: (a)',
  })
  await masterAddTables(database.config, { tables: ['t'], keyColumns: ['a'], backends })
})
