import { masterRemoveTables, replicate } from '@rserv/core'
import { expect, test } from 'vitest'
import { expectCodes } from '../support/checking.ts'
import { backends, createPair, replicatedPair } from '../support/pair.ts'
import { masterAddTables, masterInit, slaveInit } from '@rserv/core'

const T = 'create table t (id int primary key, v text)'

test('transactions that hold the log: open, and prepared', async () => {
  await using pair = await replicatedPair(T)
  const { master } = pair
  const limits = { transactionSeconds: 0 }
  const open = await master.connect()
  await open.query('begin; insert into t values (1)')
  const [long] = await expectCodes(pair, ['long-transaction'], { limits })
  expect(long?.fix).toMatch(/^SELECT pg_terminate_backend\(\d+\);$/)
  await expectCodes(pair, [])
  await open.query(`prepare transaction 'it''s ${master.name}'`)
  const [prepared] = await expectCodes(pair, ['prepared-transaction'], { limits })
  expect(prepared?.fix).toContain(`ROLLBACK PREPARED 'it''s ${master.name}';`)
  await open.query(`rollback prepared 'it''s ${master.name}'`)
  await expectCodes(pair, [], { limits })
})

test('a log that grew, and for whom; a slave that nobody reads for', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  await master.query(`insert into t select i, 'v' from generate_series(1, 1000) i`)
  const [large] = await expectCodes(pair, ['log-large'], { limits: { logBytes: 20_000 } })
  expect(large?.text).toContain(`the slowest slave is ${slave.name}, at sync id 1`)
  await master.query(`update rserv.server set confirmed_at = now() - interval '2 days'`)
  const [silent] = await expectCodes(pair, ['slave-silent'])
  expect(silent?.text).toContain('last confirmed')
  await master.query(`update rserv.server set confirmed_at = null, registered_at = now() - interval '2 days'`)
  expect((await expectCodes(pair, ['slave-silent']))[0]?.text).toContain('has never confirmed')
  await replicate(master.config, slave.config)
  await expectCodes(pair, [])
})

test('no slave, and tables that it does not take or the master does not capture', async () => {
  await using pair = await createPair('check')
  const { master, slave } = pair
  for (const database of [master, slave]) await database.query(T)
  await masterInit(master.config, { backends })
  await slaveInit(slave.config)
  await masterAddTables(master.config, { tables: ['t'], backends })
  const found = await expectCodes(pair, ['no-slave', 'not-taken'])
  expect(found.map(({ fix }) => fix)).toContain(`rserv slave-add-table ${slave.name} public.t`)
  await using other = await replicatedPair(T)
  await masterRemoveTables(other.master.config, { tables: ['t'], backends })
  await expectCodes(other, ['not-captured'])
})
