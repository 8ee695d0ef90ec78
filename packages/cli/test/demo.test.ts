import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createDatabase, onServer, runCli, sharedServer } from '@rserv/test-utils'
import { expect, test } from 'vitest'

const SHOWN = /\bmaster +slave\b[\s\S]*TWO, changed +TWO, changed/
const BIN = fileURLToPath(new URL('../bin/rserv.js', import.meta.url))
const RSERV = `"${process.execPath}" "${BIN}"`

/** The commands that a demonstration tells to try next. */
function next(stdout: string): string[] {
  return stdout
    .split('\n')
    .filter((line) => line.includes('npx rserv'))
    .map((line) => line.trim())
}

/** Runs a line as printed, with rserv of this package. */
function typed(line: string, env: Record<string, string> = {}): string {
  return execFileSync('sh', ['-c', line.replace('npx rserv', RSERV)], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('on an embedded server: shows both sides, ends by itself, leaves nothing', async () => {
  const run = await runCli(['demo'])
  expect(run, run.stderr && `demo: ${run.stderr}`).toMatchObject({ code: 0 })
  expect(run.stdout).toMatch(SHOWN)
  expect(next(run.stdout)).toHaveLength(3)
  const folder = /embedded PostgreSQL 18 in (\S+),/.exec(run.stderr)?.[1] ?? ''
  expect(folder).not.toBe('')
  expect(existsSync(folder)).toBe(false)
})

test('InitRservTest --keep --dir: the next commands work as printed, and the server stops as printed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rserv demo '))
  execFileSync('chmod', ['711', folder])
  try {
    const dir = join(folder, 'srv')
    const run = await runCli(['--keep', '--dir', dir, 'm 1', 's 1'], { program: 'InitRservTest' })
    expect(run, `demo: ${run.stderr}`).toMatchObject({ code: 0 })
    const stop = /kill (\d+)/.exec(run.stdout)
    const pid = Number(stop?.[1])
    expect(alive(pid)).toBe(true)
    const [status, replicate, clean] = next(run.stdout).map((line) => typed(line))
    expect(status).toMatch(/public\.test/)
    expect(replicate).toContain('Sync-ed')
    expect(clean).toMatch(/\d+ log rows? removed/)
    expect(run.stdout).not.toContain(`password`)
    execFileSync('sh', ['-c', stop?.[0] ?? 'false'])
    for (let tries = 0; alive(pid) && tries < 200; tries++) await sleep(50)
    expect(alive(pid)).toBe(false)
    // Started again on the same folder, from the beginning.
    expect(await runCli(['demo', '--dir', dir, 'm 1', 's 1'])).toMatchObject({ code: 0 })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('on a server of the user, twice, with commands that work as printed', async () => {
  const { host, port, user, password } = sharedServer()
  const names = ['rserv_test_demo master', 'rserv_test_demo=slave']
  const env = { PGPASSWORD: String(password) }
  const args = ['demo', '--host', String(host), '--port', String(port), '--user', String(user), ...names]
  try {
    for (const _ of [1, 2]) {
      const run = await runCli(args, { env })
      expect(run, `demo: ${run.stderr}`).toMatchObject({ code: 0 })
      expect(run.stdout).toContain('TWO, changed')
      for (const line of next(run.stdout)) typed(line, env)
    }
  } finally {
    await onServer(sharedServer(), async (client) => {
      for (const name of names)
        await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`)
    })
  }
})

test('never touches a database that holds something else', async () => {
  await using mine = await createDatabase({ label: 'mine' })
  const { host, port, user, password } = sharedServer()
  const args = [
    'demo',
    '--host',
    String(host),
    '--port',
    String(port),
    '--user',
    String(user),
    mine.name,
    'rserv_test_never',
  ]
  const refuse = async (says: RegExp): Promise<void> => {
    const run = await runCli(args, { env: { PGPASSWORD: String(password) } })
    expect(run).toMatchObject({ code: 1, stdout: '' })
    expect(run.stderr).toMatch(says)
  }
  await mine.query('create table test (id serial primary key, data text); insert into test (data) values ($$mine$$)')
  await refuse(/holds public\.test/)
  await mine.query('drop table test; create table other ()')
  await refuse(/holds public\.other/)
  const left = await onServer(sharedServer(), (client) =>
    client.query(`select from pg_database where datname = 'rserv_test_never'`),
  )
  expect(left.rowCount).toBe(0)
})

test('a failure leaves no server behind, not even with --keep', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rserv-demo-'))
  execFileSync('chmod', ['711', folder])
  try {
    const dir = join(folder, 'srv')
    const run = await runCli(['demo', '--keep', '--dir', dir, 'template0', 'slave'])
    expect(run).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('template0') })
    expect(existsSync(join(dir, 'data', 'PG_VERSION'))).toBe(true)
    expect(existsSync(join(dir, 'data', 'postmaster.pid'))).toBe(false)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('an interrupt stops the server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rserv-demo-'))
  execFileSync('chmod', ['711', folder])
  try {
    const dir = join(folder, 'srv')
    const child = spawn(process.execPath, [BIN, 'demo', '--keep', '--dir', dir], { stdio: 'ignore' })
    const pidFile = join(dir, 'data', 'postmaster.pid')
    for (let tries = 0; !existsSync(pidFile) && tries < 1000; tries++) await sleep(10)
    child.kill('SIGINT')
    const [code] = (await once(child, 'exit')) as [number]
    expect(code).toBe(130)
    expect(existsSync(pidFile)).toBe(false)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
