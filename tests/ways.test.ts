import type { TransferResult } from '@rserv/core'
import { expect, test } from 'vitest'
import type { Pair } from './support/pair.ts'
import { replicatedPair } from './support/pair.ts'

const T = 'create table t (id bigint primary key, v text, u int unique)'
const MANY = 1500

async function filled(ddl = T, slaveDdl?: string): Promise<Pair> {
  const pair = await replicatedPair(ddl, slaveDdl === undefined ? {} : { slaveDdl })
  await pair.master.query(`insert into t select i, 'v' || i, i from generate_series(1, ${MANY}) i`)
  await pair.sync()
  await pair.master.query('vacuum analyze t')
  return pair
}

function only({ tables }: TransferResult): TransferResult['tables'][number] | undefined {
  expect(tables).toHaveLength(1)
  return tables[0]
}

test('a table of which the slave has no row comes whole, without its log', async () => {
  await using pair = await replicatedPair(T)
  await pair.master.query(
    `insert into t select i, 'v', i from generate_series(1, 3000) i; delete from t where id > 2000`,
  )
  expect(only(await pair.syncAndCompare('t'))).toMatchObject({ mode: 'copy', written: 2000, deleted: 0 })
})

test('a table that only grows: rows without deletes, also with keys that came and went', async () => {
  await using pair = await filled()
  await pair.master.query(
    `insert into t select i, 'v', i from generate_series(5001, 7500) i; delete from t where id > 7000`,
  )
  expect(only(await pair.syncAndCompare('t'))).toMatchObject({ mode: 'changes', written: 2000, deleted: 0 })
})

test('growth together with one older key that changed, or went: its former row is deleted', async () => {
  await using pair = await filled()
  await pair.master
    .query(`insert into t select i, 'v', i from generate_series(5001, 7000) i; update t set u = -u where id = ${MANY};
    delete from t where id = ${MANY - 1}`)
  expect(only(await pair.syncAndCompare('t'))).toMatchObject({ mode: 'changes', written: 2001, deleted: 1 })
})

test('a table small beside its log comes whole', async () => {
  await using pair = await replicatedPair(T)
  await pair.master.query(`insert into t select i, 'v', i from generate_series(1, 20) i`)
  await pair.syncAndCompare('t')
  await pair.master.query('vacuum analyze t')
  for (let round = 0; round < 1000; round++) await pair.master.query(`update t set v = 'x${round}'`)
  expect(only(await pair.syncAndCompare('t'))).toMatchObject({ mode: 'copy', written: 20, deleted: 20 })
})

test('but not where the slave has a column of its own: rows that did not change keep it', async () => {
  await using pair = await filled(T, `${T}; alter table t add own text default 'own'`)
  await pair.slave.query(`update t set own = 'mine'`)
  for (let round = 0; round < 20; round++) await pair.master.query(`update t set v = 'x${round}' where id <= 1000`)
  expect(only(await pair.sync())).toMatchObject({ mode: 'changes', written: 1000 })
  expect(await pair.slave.query(`select own, count(*)::int as n from t group by own order by own`)).toEqual([
    { own: 'mine', n: MANY - 1000 },
    { own: 'own', n: 1000 },
  ])
})

test.each(['text', 'numeric', 'uuid', 'date', 'timestamptz'])('growth by keys of type %s', async (type) => {
  const key = { text: 'i::text', numeric: 'i', uuid: `lpad(i::text, 32, '0')::uuid`, date: `date '2020-01-01' + i` }
  const value = (key as Record<string, string>)[type] ?? `timestamptz '2020-01-01' + i * interval '1 ms'`
  await using pair = await replicatedPair(`create table t (id ${type} primary key, v int)`)
  await pair.master.query(`insert into t select ${value}, i from generate_series(1, 1500) i`)
  await pair.syncAndCompare('t')
  await pair.master.query(`insert into t select ${value}, i from generate_series(1501, 3000) i`)
  expect(only(await pair.syncAndCompare('t'))).toMatchObject({ written: 1500, deleted: 0 })
  await pair.master.query(
    `insert into t select ${value}, i from generate_series(3001, 4500) i; delete from t where v % 7 = 0`,
  )
  await pair.syncAndCompare('t')
})
