import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { ready } from './failures.ts'
import { runHere } from './in-process.ts'

const BIN = fileURLToPath(new URL('../bin/rserv.js', import.meta.url))

interface Status {
  readonly servers: readonly { readonly rowsBehind: number }[]
}

test('status tells for each slave and table the rows and the distinct keys that wait', async () => {
  await using pair = await ready(
    'create table a (x int, "Y y" text, primary key (x, "Y y")); create table b (id int primary key)',
  )
  const { master, slave } = pair
  const quiet = await runHere(['status', master.uri])
  expect(quiet.stdout).not.toContain('keys waiting')
  await master.query(`insert into a select i, 'y' from generate_series(1, 3) i; update a set "Y y" = 'y'; truncate b`)
  const text = await runHere(['status', master.uri])
  expect(text.stdout).toMatch(/slave +table +rows behind +keys waiting +seconds behind +travels as/)
  expect(text.stdout).toMatch(new RegExp(`^${slave.name} +public\\.a +6 +3 +[\\d.]+ +changes$`, 'm'))
  expect(text.stdout).toMatch(new RegExp(`^${slave.name} +public\\.b +1 +0 +[\\d.]+ +copy$`, 'm'))
})

test('status --watch shows it again until told to stop', async () => {
  await using pair = await ready()
  const child = spawn(process.execPath, [BIN, 'status', pair.master.uri, '--watch', '0.05', '--json'])
  const ended = once(child, 'exit')
  const rows: number[] = []
  for await (const line of createInterface(child.stdout)) {
    const { servers } = JSON.parse(line) as Status
    rows.push(servers[0]?.rowsBehind ?? -1)
    if (rows.length === 1) await pair.master.query(`insert into orders values (1, 'a')`)
    if (rows.at(-1) === 1) child.kill('SIGINT')
  }
  expect(await ended).toEqual([0, null])
  expect(rows[0]).toBe(0)
  expect(rows.at(-1)).toBe(1)
  expect(await runHere(['status', pair.master.uri, '--watch', '0'])).toMatchObject({ code: 2 })
})

test('status --watch goes on when the master was away', async () => {
  await using pair = await ready()
  const { name } = pair.master
  await using other = await createDatabase()
  const child = spawn(process.execPath, [BIN, 'status', pair.master.uri, '--watch', '0.05', '--json'])
  const ended = once(child, 'exit')
  const codes: string[] = []
  for await (const line of createInterface(child.stdout)) {
    const { servers, error } = JSON.parse(line) as Partial<Status> & { error?: { code: string } }
    if (codes.length > 0 && servers) child.kill('SIGTERM')
    else if (servers) await other.query(`alter database "${name}" with allow_connections false`)
    else {
      codes.push(error?.code ?? '')
      await other.query(`alter database "${name}" with allow_connections true`)
    }
  }
  expect(new Set(codes)).toEqual(new Set(['CONNECT']))
  expect(await ended).toEqual([0, null])
})
