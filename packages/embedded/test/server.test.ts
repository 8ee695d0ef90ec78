import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { Server } from '../src/index.ts'
import { EmbeddedError, startServer } from '../src/index.ts'

async function ask(server: Server, sql: string): Promise<string> {
  const client = new pg.Client(server.config())
  await client.connect()
  const { rows } = await client.query<{ answer: string }>(sql)
  await client.end()
  return rows[0]?.answer ?? ''
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('a server starts on 127.0.0.1 only, crashes, starts again, stops, and leaves nothing', async () => {
  const server = await startServer()
  const { pid, folder } = server
  expect(await ask(server, `select current_setting('listen_addresses') as answer`)).toBe('127.0.0.1')
  await ask(server, 'create table survives (id int)')
  await server.stop('immediate', { keepFolder: true })
  expect(alive(pid)).toBe(false)
  await server.start()
  expect(await ask(server, `select to_regclass('survives')::text as answer`)).toBe('survives')
  await server.stop()
  expect(existsSync(folder)).toBe(false)
})

test("a folder of one's own keeps its cluster", async () => {
  const dir = mkdtempSync(join(tmpdir(), 'rserv-own-'))
  try {
    const first = await startServer({ dir })
    await ask(first, 'create table here (id int)')
    await first.stop()
    const second = await startServer({ dir })
    expect(await ask(second, `select to_regclass('here')::text as answer`)).toBe('here')
    await second.stop()
    expect(existsSync(join(dir, 'data'))).toBe(true)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('a version that is not installed, and a port in use, say so', async () => {
  await expect(startServer({ major: 9 })).rejects.toThrow(EmbeddedError)
  const server = await startServer()
  try {
    await expect(startServer({ port: server.port })).rejects.toThrow(/did not start on port/)
  } finally {
    await server.stop()
  }
})

test('a server does not outlive a parent that is killed', async () => {
  const script = `const { startServer } = await import(${JSON.stringify(new URL('../dist/index.js', import.meta.url).href)})
    const server = await startServer(); console.log(server.pid + ' ' + server.folder); setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = await new Promise<string>((resolve) => parent.stdout.once('data', (data) => resolve(String(data))))
  const [pid, folder] = line.trim().split(' ')
  expect(alive(Number(pid))).toBe(true)
  parent.kill('SIGKILL')
  for (let tries = 0; tries < 200 && (alive(Number(pid)) || existsSync(String(folder))); tries++) await sleep(50)
  expect({ alive: alive(Number(pid)), folder: existsSync(String(folder)) }).toEqual({ alive: false, folder: false })
})
