import {
  cleanLog,
  forgetSlave,
  masterAddTables,
  masterRemoveTables,
  replicate,
  resync,
  slaveAddTables,
  slaveInit,
  slaveRemoveTables,
} from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { findings } from '../support/checking.ts'
import { backends, replicatedPair } from '../support/pair.ts'

const DDL = 'create table t (id int primary key, v text); create table u (id int primary key, t int references t)'

test('case 185: a slave that is forgotten holds no log any more, and is refused when it comes back until it is resynced', async () => {
  await using pair = await replicatedPair(DDL)
  await using lost = await createDatabase({ label: 'lost' })
  await lost.query(DDL)
  await slaveInit(lost.config)
  await slaveAddTables(lost.config, { tables: ['t'] })
  const { master } = pair
  await replicate(master.config, lost.config, { server: 'lost' })
  await master.query(`insert into t select i, 'v' from generate_series(1, 20) i`)
  await pair.sync()
  const clean = (): ReturnType<typeof cleanLog> => cleanLog(master.config, { syncId: 1n << 62n, backends })
  expect(await clean()).toMatchObject({ rows: 0, heldBy: [{ server: 'lost' }] })
  await expect(forgetSlave(master.config, 'lsot')).rejects.toMatchObject({
    code: 'BAD_ARGUMENT',
    hint: expect.stringContaining('lost'),
  })
  expect(await forgetSlave(master.config, 'lost')).toMatchObject({ server: 'lost' })
  expect(await clean()).toMatchObject({ rows: 20, heldBy: [] })
  await master.query(`update t set v = 'w'`)
  await pair.syncAndCompare('t')
  await expect(replicate(master.config, lost.config)).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' })
  await resync(master.config, lost.config, { tables: [], backends })
  await replicate(master.config, lost.config)
  const rows = 'select * from t order by id'
  expect(await lost.query(rows)).toEqual(await master.query(rows))
})

test('case 185: a table that is removed takes its log with it', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await master.query(`insert into t values (1); truncate u`)
  await slaveRemoveTables(slave.config, { tables: ['u'] })
  await masterRemoveTables(master.config, { tables: ['u'], backends })
  expect(await master.query(`select relname from pg_class where relname in ('log_2', 'log_2_1')`)).toEqual([])
  expect(await master.query('select * from rserv.truncate_log')).toEqual([])
  await pair.syncAndCompare('t')
  await masterAddTables(master.config, { tables: ['u'], backends })
  await slaveAddTables(slave.config, { tables: ['u'] })
  await pair.syncAndCompare('t', 'u')
})

test('case 186: a table that no slave takes any more is named by check, with what to do', async () => {
  await using pair = await replicatedPair(DDL)
  await slaveRemoveTables(pair.slave.config, { tables: ['u'] })
  await pair.master.query('insert into t values (1)')
  await pair.sync()
  const found = await findings(pair)
  const expected = {
    code: 'taken-by-nobody',
    severity: 'warning',
    table: { name: 'u' },
    fix: expect.stringContaining('master-remove-table'),
  }
  expect(found.find(({ code }) => code === 'taken-by-nobody')).toMatchObject(expected)
})

test('case 140: a foreign key to a table that is not replicated is named, with the query for rows without a parent', async () => {
  await using pair = await replicatedPair(DDL, { tables: ['u'] })
  await pair.master.query('insert into t values (1), (2); insert into u values (10, 1), (20, 2), (30, null)')
  await pair.slave.query('insert into t values (1)')
  await pair.sync()
  const found = (await findings(pair)).find(({ code }) => code === 'foreign-key-outside')
  expect(found).toMatchObject({ severity: 'note', side: 'slave', table: { name: 'u' } })
  expect(await pair.slave.query(found?.fix ?? '')).toEqual([{ id: 20, t: 2 }])
})
