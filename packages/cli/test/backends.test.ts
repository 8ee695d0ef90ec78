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
  writeFileSync(join(path, 'package.json'), JSON.stringify({ name, version: '1.0.0', type: 'module', exports }))
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
