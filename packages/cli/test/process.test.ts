import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ready } from './failures.ts'
import { rserv } from './support.ts'

const BIN = fileURLToPath(new URL('../bin/rserv.js', import.meta.url))

function start(
  ...args: string[]
): ChildProcess & { stdin: NodeJS.WritableStream; stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  return spawn(process.execPath, [BIN, ...args], { stdio: 'pipe' })
}

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s cancels cleanly: exit code %i, nothing half done, no session left', async (signal, code) => {
  await using pair = await ready()
  const { master } = pair
  await rserv('master-remove-table', master.uri, 'orders')
  const writer = await master.connect()
  await writer.query(`begin; insert into orders values (1, 'open')`)
  const child = start('master-add-table', master.uri, 'orders', '--lock-timeout', '60')
  const stderr = text(child.stderr)
  await until(async () => (await waiting(master)) === 1)
  child.kill(signal)
  const [exit] = (await once(child, 'exit')) as [number]
  expect(exit).toBe(code)
  expect(await stderr).toContain('rserv: interrupted')
  await writer.query('commit')
  await until(async () => (await waiting(master)) === 0)
  expect(await master.query('select from pg_trigger where tgname like $1', ['rserv%'])).toEqual([])
})

async function waiting(master: { query(sql: string): Promise<Record<string, unknown>[]> }): Promise<number> {
  const sql = `select count(*)::int as n from pg_stat_activity where application_name = 'rserv' and datname = current_database()`
  return Number((await master.query(sql))[0]?.['n'])
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await condition()); tries++) {
    if (tries > 200) throw new Error('waited too long')
    await sleep(50)
  }
}

test('a reader that goes away is no crash, and no success for a snapshot', async () => {
  await using pair = await ready()
  await pair.master.query(`insert into orders select i, random()::text from generate_series(1, 100000) i`)
  const child = start('prepare-snapshot', pair.master.uri)
  const stderr = text(child.stderr)
  await once(child.stdout, 'readable')
  ;(child.stdout as unknown as { destroy(): void }).destroy()
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).toBe(1)
  expect(await stderr).toMatch(/^rserv: .+\nhint: .+\n$/)
  const help = start('help')
  ;(help.stdout as unknown as { destroy(): void }).destroy()
  expect(await text(help.stderr)).toBe('')
  await rserv('replicate', pair.master.uri, pair.slave.uri)
})

test('input that stays open does not keep the process', async () => {
  await using pair = await ready()
  const child = start('apply-snapshot', pair.slave.uri)
  child.stdin.write('this is no snapshot, and the writer waits')
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).toBe(1)
})

test('a snapshot that fails on its way leaves no file, and an older one stays', async () => {
  await using pair = await ready()
  const { master } = pair
  const folder = mkdtempSync(join(tmpdir(), 'rserv-snap-'))
  const file = join(folder, 'snap')
  try {
    await master.query(`insert into orders values (1, 'a')`)
    const other = await master.connect()
    await other.query('begin; lock table orders')
    const child = start('prepare-snapshot', master.uri, '--snapshot', file)
    await until(async () => readdirSync(folder).length > 0)
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).toBe(143)
    expect(readdirSync(folder)).toEqual([])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
