import type { ServerStatus } from '@rserv/core'
import { status } from '@rserv/core'
import { expect, test } from 'vitest'
import { startFollowing } from './support/following.ts'
import type { Pair } from './support/pair.ts'
import { replicatedPair } from './support/pair.ts'

const DDL = 'create table a (id int primary key, v int)'

async function only({ master }: Pick<Pair, 'master'>): Promise<ServerStatus> {
  const { servers } = await status(master.config)
  return servers[0] as ServerStatus
}

interface Measured {
  readonly magnitude: number
  readonly rows: number
  readonly ms: number
}

function measured({ master }: Pick<Pair, 'master'>): Promise<Measured[]> {
  return master.query<Measured & Record<string, unknown>>(
    'select magnitude, rows, ms from rserv.transfer_rate order by magnitude',
  )
}

test('the time to catch up comes from the measured rate of transfers of that size', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  expect(await only(pair)).toMatchObject({ etaSeconds: 0, rowsPerSecond: null })
  await master.query('insert into a select i, 0 from generate_series(1, 20000) i')
  // Nothing but an empty table was transferred yet.
  expect(await only(pair)).toMatchObject({ rowsBehind: 20_000, rowsToMove: 20_000, etaSeconds: null })
  await pair.sync()
  await master.query('update a set v = 1 where id = 1')
  await pair.sync()
  const rates = await measured(pair)
  expect(rates).toMatchObject([
    { magnitude: 0, rows: 1 },
    { magnitude: 4, rows: 20_000 },
  ])
  const [small, large] = rates as [Measured, Measured]
  expect(await only(pair)).toMatchObject({ etaSeconds: 0, rowsPerSecond: expect.closeTo(1000 / small.ms, 6) as number })
  // Several changes of one key are one row to move.
  for (let round = 0; round < 3; round++) await master.query('update a set v = v + 1')
  const behind = await only(pair)
  expect(behind).toMatchObject({ rowsBehind: 60_000, rowsToMove: 20_000 })
  expect(behind.etaSeconds).toBeCloseTo(large.ms / 1000, 6)
  expect(behind.rowsPerSecond).toBeCloseTo((large.rows / large.ms) * 1000, 6)
  await pair.syncAndCompare('a')
  expect((await only(pair)).etaSeconds).toBe(0)
})

test('a table that travels whole is estimated by its statistics', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await master.query('insert into a select i, 0 from generate_series(1, 5000) i')
  await pair.sync()
  await master.query('truncate a; insert into a select i, 0 from generate_series(1, 3000) i; analyze a')
  const { rowsToMove, etaSeconds } = await only(pair)
  const [{ rows, ms }] = (await measured(pair)) as [Measured]
  expect(rowsToMove).toBe(3000)
  expect(etaSeconds).toBeCloseTo((3000 * ms) / rows / 1000, 6)
})

test('who follows notes its rates, older ones counting half', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  for (const id of [1, 2]) {
    const following = startFollowing(pair)
    await following.next('connected')
    await master.query('insert into a values ($1, 0)', [id])
    await following.next('applied')
    await following.stop()
  }
  expect(await measured(pair)).toMatchObject([{ magnitude: 0, rows: 1.5 }])
})
