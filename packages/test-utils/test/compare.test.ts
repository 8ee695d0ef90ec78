import { expect, test } from 'vitest'
import { compareTable, createDatabase, onServer, sharedServer } from '../src/index.ts'

test('a difference of one byte, one row, one duplicate is seen', async () => {
  await using left = await createDatabase()
  await using right = await createDatabase()
  for (const database of [left, right])
    await database.query(`create table t (n numeric, v text); insert into t values (1.0, E'a\\tb'), (2, null)`)
  expect(await compareTable(left, right, 't')).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
  await right.query('update t set n = 1.00 where n = 1; insert into t values (2, null)')
  expect(await compareTable(left, right, 't')).toEqual({
    onlyOnMaster: ['1.0\ta\\tb'],
    onlyOnSlave: ['1.00\ta\\tb', '2\t\\N'],
  })
})

test('a database is gone after its test, also when that failed', async () => {
  let name = ''
  const failing = async (): Promise<void> => {
    await using database = await createDatabase()
    name = database.name
    throw new Error('on purpose')
  }
  await expect(failing()).rejects.toThrow('on purpose')
  const { rowCount } = await onServer(sharedServer(), (client) =>
    client.query('select from pg_database where datname = $1', [name]),
  )
  expect(rowCount).toBe(0)
})
