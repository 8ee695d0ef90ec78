import type { TransferResult } from '@rserv/core'
import { masterAddTables, masterInit, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { compareTable, createDatabase } from '@rserv/test-utils'
import { totalmem } from 'node:os'
import { expect, test } from 'vitest'
import { backends, replicatedPair } from '../support/pair.ts'

test('case 114: arrays, composites, ranges and domains of the user’s own types, whose OIDs differ between the sides', async () => {
  const types = `create type mood as enum ('sad', 'ok', 'happy'); create type point3 as (x float8, y numeric, m mood);
    create domain posint as int check (value > 0); create type span as range (subtype = numeric);
    create table v (id posint primary key, a mood[], c point3, cs point3[], r span, rs span[], d posint[])`
  await using pair = await replicatedPair(types, {
    slaveDdl: `create type gap as enum ('x'); create table gap2 (a gap); drop table gap2; ${types}`,
    tables: ['v'],
  })
  await pair.master.query(`insert into v values
    (1, '{sad,happy}', '(1.5,NaN,ok)', array[row(0, 1.10, 'sad'), null, row(null, null, null)]::point3[], '[1.0,2.50)', '{"(,1]",empty}', '{1,2,null}'),
    (2, '[2:3]={ok,sad}', null, '{}', null, null, '{{1,2},{3,4}}')`)
  await pair.syncAndCompare('v')
  await pair.master.query(
    `update v set a = a || 'ok'::mood, c = row(2, 3, 'happy'); insert into v select i, '{ok}', null, null, null, null, null from generate_series(3, 3000) i`,
  )
  await pair.syncAndCompare('v')
})

interface Encoded extends AsyncDisposable {
  readonly master: TestDatabase
  readonly slave: TestDatabase
  sync(): Promise<TransferResult>
}

async function encodedPair(master: string, slave: string): Promise<Encoded> {
  const sides = {
    master: await createDatabase({ label: 'enc_m', encoding: master }),
    slave: await createDatabase({ label: 'enc_s', encoding: slave }),
  }
  for (const side of [sides.master, sides.slave])
    await side.query('create table t (id int primary key, k text unique, v bytea)')
  await masterInit(sides.master.config, { backends })
  await slaveInit(sides.slave.config)
  await masterAddTables(sides.master.config, { tables: ['t'], backends })
  await slaveAddTables(sides.slave.config, { tables: ['t'] })
  const sync = (): Promise<TransferResult> => replicate(sides.master.config, sides.slave.config)
  await sync()
  return {
    ...sides,
    sync,
    async [Symbol.asyncDispose]() {
      await sides.master[Symbol.asyncDispose]()
      await sides.slave[Symbol.asyncDispose]()
    },
  }
}

test('case 115: from LATIN1 to UTF8 and back, characters are the same; one that the slave’s encoding lacks is refused', async () => {
  for (const [from, to] of [
    ['LATIN1', 'UTF8'],
    ['UTF8', 'LATIN1'],
  ] as const) {
    await using pair = await encodedPair(from, to)
    await pair.master.query(`insert into t values (1, 'Grüße, señor', '\\x00ff'), (2, 'ß\\N\t', null)`)
    await pair.sync()
    expect(await compareTable(pair.master, pair.slave, 't')).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
  }
  await using pair = await encodedPair('UTF8', 'LATIN1')
  await pair.master.query(`insert into t values (1, 'plain', null), (2, 'тест', null)`)
  await expect(pair.sync()).rejects.toMatchObject({ sqlState: '22P05', message: expect.stringContaining('public.t') })
  expect(await pair.slave.query('select * from t')).toEqual([])
  await pair.master.query('delete from t where id = 2')
  await pair.sync()
  expect(await pair.slave.query('select id from t')).toEqual([{ id: 1 }])
})

test('case 115: bytes without an encoding pass as they are, and are refused where they are no characters', async () => {
  await using same = await encodedPair('SQL_ASCII', 'SQL_ASCII')
  const bytes = `insert into t values (1, convert_from('\\xe4f6fc', 'SQL_ASCII'), null), (2, convert_from('\\xc3a4', 'SQL_ASCII'), '\\x00')`
  await same.master.query(bytes)
  await same.sync()
  const hex = `select id, encode(convert_to(k, 'SQL_ASCII'), 'hex') as k from t order by id`
  expect(await same.slave.query(hex)).toEqual(await same.master.query(hex))
  await using other = await encodedPair('SQL_ASCII', 'UTF8')
  await other.master.query(bytes)
  await expect(other.sync()).rejects.toMatchObject({ sqlState: '22021' })
  expect(await other.slave.query('select * from t')).toEqual([])
  await other.master.query('delete from t where id = 1')
  await other.sync()
  expect(await other.slave.query('select k from t')).toEqual([{ k: 'ä' }])
})

const GIGABYTES = totalmem() / 2 ** 30

test.skipIf(GIGABYTES < 12)(
  `case 108: values of more than 512 MB pass${GIGABYTES < 12 ? ' (skipped: the servers need 12 GB of memory for it)' : ''}`,
  { timeout: 300_000 },
  async () => {
    await using pair = await replicatedPair('create table t (id int primary key, v text, b bytea)')
    // Uncompressed, so that the server does not spend its time there.
    await pair.master.query(`alter table t alter v set storage external, alter b set storage external;
      insert into t values (1, null, convert_to(repeat('y', 530 * 1024 * 1024), 'LATIN1')), (2, 'small', null)`)
    await pair.sync()
    const facts = 'select id, length(v) as v, length(b) as b, md5(v) as vm, md5(b) as bm from t order by id'
    expect(await pair.slave.query(facts)).toEqual(await pair.master.query(facts))
  },
)
