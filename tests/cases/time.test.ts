import { cleanLog, status } from '@rserv/core'
import { expect, test } from 'vitest'
import { backends, replicatedPair } from '../support/pair.ts'

const DDL = 'create table t (id int primary key, v text)'

test('case 181: two transactions that began at one time, one committed and one not: neither is taken for the other', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  const [one, two] = [await master.connect(), await master.connect()]
  // As near to one now() as two sessions get: nothing goes by it.
  await Promise.all([one.query('begin'), two.query('begin')])
  await one.query(`insert into t values (1, 'one')`)
  await two.query(`insert into t values (2, 'two')`)
  await one.query('commit')
  await pair.syncAndCompare('t')
  await cleanLog(master.config, { olderThanSeconds: 0, backends })
  await two.query('commit')
  await pair.syncAndCompare('t')
  expect(await pair.slave.query('select id from t order by id')).toEqual([{ id: 1 }, { id: 2 }])
})

test('case 173: clocks that jump, and sessions in other time zones, decide nothing', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  const zones = ['Pacific/Kiritimati', 'America/St_Johns', 'Asia/Kathmandu']
  for (const [round, shift] of ['10 years', '-10 years', '1 hour'].entries()) {
    await master.query(`insert into t values (${round}, 'a')`)
    await pair.sync()
    // As if the clock of one side had been wrong when all of this was written down.
    await master.query(`update rserv.sync set prepared_at = prepared_at + interval '${shift}';
      update rserv.server set confirmed_at = confirmed_at + interval '${shift}', registered_at = registered_at + interval '${shift}';
      alter database "${master.name}" set timezone = '${zones[round]}'`)
    await slave.query(
      `update rserv.slave_sync set applied_at = applied_at - interval '${shift}'; update rserv.slave_table set added_at = added_at + interval '${shift}'`,
    )
    await master.query(`insert into t values (${100 + round}, 'b'); update t set v = 'c' where id < 100`)
    const before = await status(master.config, [slave.config])
    expect(before.servers[0]?.secondsBehind).toBeGreaterThanOrEqual(0)
    for (const behind of before.servers[0]?.behind ?? []) expect(behind.secondsBehind).toBeGreaterThanOrEqual(0)
    await pair.syncAndCompare('t')
    await cleanLog(master.config, { syncId: 1n << 62n, backends })
    await pair.syncAndCompare('t')
  }
  // Cleaning by age goes by that clock, and can only keep too much, never too little.
  await master.query(`update rserv.sync set prepared_at = '1970-01-01'; insert into t values (1000, 'unread')`)
  await cleanLog(master.config, { olderThanSeconds: 0, backends })
  await pair.syncAndCompare('t')
})
