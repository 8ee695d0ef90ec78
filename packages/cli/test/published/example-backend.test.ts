import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createDatabase } from '@rserv/test-utils'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { UserFolder } from './folder.ts'
import type { Registry } from './registry.ts'
import { startRegistry } from './registry.ts'

const EXAMPLE = fileURLToPath(new URL('../../../../examples/trigger-audit', import.meta.url))

/** As vitest writes it. */
interface Report {
  readonly success: boolean
  readonly numPassedTests: number
  readonly testResults: readonly { readonly assertionResults: readonly { readonly status: string }[] }[]
}

let registry: Registry
let author: UserFolder
let user: UserFolder
beforeAll(async () => {
  registry = await startRegistry()
  author = new UserFolder(registry.settings)
  cpSync(EXAMPLE, author.path, { recursive: true, filter: (path) => !/node_modules|dist|\.tgz$/.test(path) })
  await author.install()
  // What docs/guides/write-a-trigger-backend.md says, here and below.
  await author.sh('npm run build')
  await author.sh('npm pack')
  user = new UserFolder(registry.settings)
  cpSync(join(author.path, 'rserv-backend-audit-1.0.0.tgz'), join(user.path, 'rserv-backend-audit-1.0.0.tgz'))
  await user.sh('npm install @rserv/cli ./rserv-backend-audit-1.0.0.tgz')
}, 300_000)
afterAll(async () => {
  user[Symbol.dispose]()
  author[Symbol.dispose]()
  await registry[Symbol.asyncDispose]()
})

const rserv = (...args: string[]): Promise<string> => user.run(user.bin('rserv'), ...args)

test('the example backend passes the conformance suite where it is made, with published packages only', async () => {
  await author.spawn('npm', 'test', '--', '--reporter=json', '--outputFile=report.json')
  const report = JSON.parse(author.read('report.json')) as Report
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  expect(tests.filter(({ status }) => status === 'failed')).toEqual([])
  expect(report).toMatchObject({ success: true })
  expect(report.numPassedTests).toBeGreaterThan(40)
}, 300_000)

test('installed beside the command line, it is listed, found by its name, and replicates', async () => {
  await using master = await createDatabase()
  await using slave = await createDatabase()
  for (const { query } of [master, slave]) await query('create table t (id int primary key, v text)')
  user.env['PGSERVICEFILE'] = join(user.path, 'services')
  const { host, port, user: role, password } = master.config
  user.write(
    'services',
    `[shop]\nhost=${host}\nport=${port}\nuser=${role}\npassword=${password}\ndbname=${master.name}\n`,
  )
  expect(await user.sh('npx rserv backends service=shop')).toContain('rserv-backend-audit')
  await user.sh('npx rserv master-init service=shop --backend rserv-backend-audit')
  await rserv('slave-init', slave.uri)
  await rserv('master-add-table', master.uri, 't')
  await rserv('slave-add-table', slave.uri, 't')
  await master.query(`insert into t values (1, 'a'), (2, 'b')`)
  await rserv('replicate', master.uri, slave.uri)
  await master.query(`update t set id = 3 where id = 1`)
  await rserv('replicate', master.uri, slave.uri)
  expect(await slave.query('select * from t order by id')).toEqual([
    { id: 2, v: 'b' },
    { id: 3, v: 'a' },
  ])
  expect(await master.query('select what, key from rserv_audit.line')).toHaveLength(4)
  await rserv('master-remove-table', master.uri, 't')
  expect(await master.query('select what, key from rserv_audit.line')).toHaveLength(4)
})
