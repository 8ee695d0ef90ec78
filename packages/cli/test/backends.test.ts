import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CliRun } from '@rserv/test-utils'
import { createDatabase, runCli } from '@rserv/test-utils'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { backendResolver } from '../src/backends.ts'

const PLPGSQL = new URL('../../trigger-plpgsql/dist/index.js', import.meta.url).href
let folder: string

/** An npm package in the user's folder. */
function install(name: string, source: string, exports: unknown = './index.js'): void {
  const path = join(folder, 'node_modules', name)
  mkdirSync(path, { recursive: true })
  const keywords = ['rserv-backend']
  writeFileSync(
    join(path, 'package.json'),
    JSON.stringify({ name, version: '1.0.0', type: 'module', exports, keywords }),
  )
  writeFileSync(join(path, 'index.js'), source)
}

const like = (name: string, change = ''): string =>
  `import { backend as other } from ${JSON.stringify(PLPGSQL)}\nexport const backend = { ...other, name: '${name}' ${change} }`

/** Runs rserv in the folder that the packages are installed in. */
function here(...args: string[]): Promise<CliRun> {
  return runCli(args, { cwd: folder })
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rserv-backends-'))
  install('rserv-third', like('rserv-third'))
  install('@some/third', `${like('@some/third')}\nexport default backend`)
  install('rserv-import-only', like('rserv-import-only'), { '.': { import: './index.js' } })
  install('rserv-newer', like('rserv-newer', ', contractVersion: 99'))
  install('rserv-renamed', like('something-else'))
  install('rserv-partial', like('rserv-partial', ', remove: undefined'))
  install('rserv-empty', 'export const nothing = 1')
  install('rserv-broken', 'throw new Error("broken on purpose")')
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each(['plpgsql', 'rserv-third', '@some/third', 'rserv-import-only'])('%s is found', async (name) => {
  expect(await backendResolver(folder)(name)).toMatchObject({ name })
})

test.each([
  ['rserv-not-there', /plpgsql/],
  ['constructor', /plpgsql/],
  ['rserv-newer', /contract 99/],
  ['rserv-renamed', /something-else/],
  ['rserv-partial', /exports no trigger backend/],
  ['rserv-empty', /exports no trigger backend/],
  ['rserv-broken', /broken on purpose/],
])('%s is refused', async (name, says) => {
  const error: unknown = await backendResolver(folder)(name).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'BACKEND', hint: expect.any(String) })
  expect(`${(error as Error).message} ${(error as { hint: string }).hint}`).toMatch(says)
})

test('a backend from an npm package works through its life, and is missed when it is gone', async () => {
  await using master = await createDatabase({ label: 'backend' })
  await master.query('create table orders (id int primary key)')
  expect(await here('master-init', master.uri, '--backend', 'rserv-third')).toMatchObject({ code: 0 })
  const added = await here('master-add-table', master.uri, 'orders', '--json')
  expect(JSON.parse(added.stdout)).toMatchObject({ tables: [{ backend: 'rserv-third', outcome: 'added' }] })
  const elsewhere = await runCli(['uninstall', master.uri], { cwd: fileURLToPath(new URL('.', import.meta.url)) })
  expect(elsewhere).toMatchObject({ code: 1, stderr: expect.stringContaining('no trigger backend rserv-third') })
  expect(await here('uninstall', master.uri)).toMatchObject({ code: 0 })
  await master.query('insert into orders values (1)')
})

test('rserv backends lists what is installed, what a server can host, and why not', async () => {
  install(
    'rserv-unhosted',
    like('rserv-unhosted', `, canHost: () => ({ ok: false, reason: 'no such language here', hint: 'Install it.' })`),
  )
  await using database = await createDatabase({ label: 'cli_b' })
  const plain = await here('backends')
  expect(plain, plain.stderr).toMatchObject({ code: 0 })
  expect(plain.stdout).toMatch(/^plpgsql +installed$/m)
  expect(plain.stdout).toMatch(/^@some\/third +installed$/m)
  expect(plain.stdout).toMatch(/^rserv-broken +no: .*broken on purpose/m)
  const asked = await here('backends', database.uri, '--json')
  const { backends } = JSON.parse(asked.stdout) as {
    backends: { name: string; verdict: { ok: boolean; reason?: string } }[]
  }
  const verdicts = new Map(backends.map(({ name, verdict }) => [name, verdict]))
  expect(verdicts.get('plpgsql')).toEqual({ ok: true })
  expect(verdicts.get('rserv-third')).toEqual({ ok: true })
  expect(verdicts.get('rserv-unhosted')).toMatchObject({ ok: false, reason: 'no such language here' })
})

/** What a command says that succeeds. */
async function said(...args: string[]): Promise<string> {
  const result = await here(...args)
  expect(result, `${args[0]}: ${result.stderr}`).toMatchObject({ code: 0 })
  return result.stdout
}

test('a captured table is given to another backend and back, and nothing of the former is left', async () => {
  await using database = await createDatabase({ label: 'cli_b' })
  await database.query('create table t (id int primary key)')
  await said('master-init', database.uri)
  await said('master-add-table', database.uri, 't')
  expect(await said('master-add-table', database.uri, 't', '--backend', 'rserv-third')).toContain('now captured')
  expect(await said('status', database.uri)).toMatch(/public\.t +id +rserv-third/)
  expect(await said('master-add-table', database.uri, 't')).toContain('captured already')
  expect(await said('master-add-table', database.uri, 't', '--granularity', 'row', '--backend', 'plpgsql')).toContain(
    'row granularity',
  )
})
