import type { StatusResult } from '@rserv/core'
import { expect, test } from 'vitest'
import { duration } from '../src/duration.ts'
import { ready } from './failures.ts'
import { runHere } from './in-process.ts'
import type { CliPair } from './support.ts'

async function statusOf({ master, slave }: CliPair): Promise<{ document: StatusResult; text: string }> {
  const [json, text] = [
    await runHere(['status', master.uri, slave.uri, '--json']),
    await runHere(['status', master.uri, slave.uri]),
  ]
  expect([json.code, text.code]).toEqual([0, 0])
  return { document: JSON.parse(json.stdout) as StatusResult, text: text.stdout }
}

test('status under a backlog: rows, keys and seconds behind, and when it will have caught up', async () => {
  await using pair = await ready('create table a (id int primary key, v int); create table b (id int primary key)')
  const { master, slave } = pair
  await master.query('insert into a select i, 0 from generate_series(1, 2000) i')
  expect(await runHere(['replicate', master.uri, slave.uri])).toMatchObject({ code: 0 })
  await master.query('update a set v = 1; update a set v = 2; insert into b select generate_series(1, 500)')
  const { document, text } = await statusOf(pair)
  const [server] = document.servers
  expect(server).toMatchObject({ server: slave.name, rowsBehind: 4500, rowsToMove: 2500, lastError: null })
  expect(server?.behind).toMatchObject([
    { table: { schema: 'public', name: 'a' }, rows: 4000, keys: 2000, copy: false },
    { table: { schema: 'public', name: 'b' }, rows: 500, keys: 500, copy: false },
  ])
  expect(server?.secondsBehind).toBeGreaterThan(0)
  const [rate] = await master.query<{ ms: number; rows: number }>('select rows, ms from rserv.transfer_rate')
  expect(server?.etaSeconds).toBeCloseTo((2500 * (rate?.ms ?? 0)) / (rate?.rows ?? 0) / 1000, 6)
  expect(text).toMatch(/^slave +sync id +rows behind +seconds behind +catches up in +confirmed at$/m)
  const shown = duration(server?.etaSeconds ?? 0)
  expect(text).toMatch(new RegExp(`^${slave.name} +\\d+ +4500 +[\\d.]+ +${shown} +\\d{4}-`, 'm'))
  expect(await runHere(['replicate', master.uri, slave.uri])).toMatchObject({ code: 0 })
  const after = await statusOf(pair)
  expect(after.document.servers).toMatchObject([{ rowsBehind: 0, rowsToMove: 0, etaSeconds: 0, secondsBehind: 0 }])
})

test('status tells the last error after the process that met it, and until when it was', async () => {
  await using pair = await ready()
  const { master, slave } = pair
  await slave.query('alter table orders rename to others')
  await master.query(`insert into orders values (1, 'a')`)
  const failed = await runHere(['replicate', master.uri, slave.uri])
  expect(failed.code).toBe(1)
  expect((await statusOf(pair)).text).toMatch(
    new RegExp(`^! ${slave.name} failed at \\d{4}-\\S+: .*orders.* \\(NO_SUCH_TABLE\\)\\n {2}hint: .+`, 'm'),
  )
  await runHere(['replicate', master.uri, slave.uri])
  expect((await statusOf(pair)).text).toMatch(
    new RegExp(`^! ${slave.name} failed 2 times since \\d{4}-\\S+, last at \\d{4}-\\S+: `, 'm'),
  )
  await slave.query('alter table others rename to orders')
  expect(await runHere(['replicate', master.uri, slave.uri])).toMatchObject({ code: 0 })
  const { text, document } = await statusOf(pair)
  expect(text).toMatch(new RegExp(`^${slave.name} had an error until \\d{4}-\\S+, last at \\d{4}-\\S+: `, 'm'))
  expect(document.servers).toMatchObject([{ lastError: { code: 'NO_SUCH_TABLE', attempts: 2 } }])
  await master.query(`update rserv.last_error set over_at = over_at - interval '2 days'`)
  expect((await statusOf(pair)).text).not.toContain('had an error')
})

test.each([
  [0, '0 s'],
  [0.04, '<0.1 s'],
  [0.449, '0.4 s'],
  [12.4, '12 s'],
  [90, '1.5 min'],
  [3599, '60 min'],
  [86_400 * 12, '12 d'],
])('%d seconds are shown as %s', (seconds, shown) => {
  expect(duration(seconds)).toBe(shown)
})
