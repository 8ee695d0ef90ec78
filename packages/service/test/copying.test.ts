import { expect, test } from 'vitest'
import { createService } from '../src/index.ts'
import { backends, createMaster, createSlave, Reading, stateOf } from './support.ts'

const DDL = 'create table large (id int primary key, v text); create table small (id int primary key, v int)'

test('how far the copy of a large table is stands in the state; the others go on meanwhile', async () => {
  await using master = await createMaster(DDL)
  await using slave = await createSlave(DDL)
  await master.query(
    `insert into large select i, repeat('x', 1000) from generate_series(1, 20000) i; analyze large; insert into small values (1, 1)`,
  )
  const reader = await slave.connect()
  // The copy waits for it in the middle of its transaction.
  await reader.query('begin; lock table large in share mode')
  await using service = createService({
    backends,
    masters: [{ name: 'm', source: master.config, lookMs: 50, slaves: [{ name: 's', source: slave.config }] }],
  })
  const reading = new Reading(service)
  expect(await reading.until({ kind: 'copy-progress', slave: 's' })).toMatchObject({
    table: { schema: 'public', name: 'large' },
    copy: { rowsDone: 0, rowsTotal: 20_000, bytesDone: 0 },
  })
  await reading.until({ kind: 'applied', slave: 's', rows: 1 })
  await master.query('update small set v = 2')
  await expect.poll(() => slave.query('select v from small'), { timeout: 20_000 }).toEqual([{ v: 2 }])
  const during = stateOf(service, 's')
  expect(during).toMatchObject({ phase: 'copying', lastError: null })
  const large = during.tables.find(({ name }) => name === 'large')
  expect(large).toMatchObject({
    state: 'copying',
    error: null,
    copy: { rowsTotal: 20_000, startedAt: expect.any(String) as string },
  })
  expect(large?.copy?.bytesTotal).toBeGreaterThan(20_000_000)
  expect(during.tables.find(({ name }) => name === 'small')).toMatchObject({ state: 'synced', copy: null })
  await reader.query('rollback')
  await expect.poll(() => stateOf(service, 's').phase, { timeout: 20_000 }).toBe('in-sync')
  expect(stateOf(service, 's').tables.find(({ name }) => name === 'large')).toMatchObject({
    state: 'synced',
    copy: null,
  })
  expect(await slave.query('select count(*)::int as n from large')).toEqual([{ n: 20_000 }])
  const { totals, rowsPerSecond } = stateOf(service, 's')
  expect(totals).toMatchObject({ rows: 20_002 })
  expect(totals.bytes).toBeGreaterThan(20_000_000)
  // No speed of changes, which the large copy would make thousands of times what it is.
  expect(rowsPerSecond === null || rowsPerSecond < 20_000).toBe(true)
  await reader.end()
})

test('a large table that cannot be copied is parked, and the slave is in sync with the others, also while nobody writes', async () => {
  await using master = await createMaster(DDL)
  await using slave = await createSlave(`${DDL}; alter table large add constraint few check (id < 10)`)
  await master.query(`insert into large select i, repeat('x', 1000) from generate_series(1, 20000) i; analyze large`)
  const entry = { name: 's', source: slave.config, parkedRetryMs: 300 }
  await using service = createService({ backends, masters: [{ name: 'm', source: master.config, slaves: [entry] }] })
  const reading = new Reading(service)
  expect(await reading.until({ kind: 'parked' })).toMatchObject({ table: { schema: 'public', name: 'large' } })
  await expect.poll(() => stateOf(service, 's')).toMatchObject({ phase: 'in-sync', lastError: null })
  await slave.query('alter table large drop constraint few')
  expect(await reading.until({ kind: 'rejoined' })).toMatchObject({ table: { name: 'large' } })
  await expect.poll(() => stateOf(service, 's').phase).toBe('in-sync')
})
