// Points 5 and 6 of changes of roles as a user meets them: by the command line. The others are in packages/cli/test/roles.test.ts.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { TestDatabase } from '@rserv/test-utils'
import { testMajor, uriOf } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { replicatedPair } from '../support/pair.ts'
import { ask, copyFiles, startOriginal, startRecovered } from '../support/physical.ts'
import { createCluster, expectSame } from './cluster.ts'

const run = promisify(execFile)
const RSERV = fileURLToPath(new URL('../../packages/cli/bin/rserv.js', import.meta.url))
const DDL = 'create table t (id int primary key, v text)'

/** Runs a command that succeeds. */
async function rserv(...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(process.execPath, [RSERV, ...args])
  return stdout + stderr
}

/** Runs a command that fails, and returns what it says. */
async function refused(...args: string[]): Promise<string> {
  const said: unknown = await rserv(...args).catch((error: { stderr: string }) => error)
  expect(said).toHaveProperty('stderr')
  return (said as { stderr: string }).stderr
}

test('point 5: a leaf below a slave goes on below the master when the middle node is dropped, without a copy', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master } = cluster
  const [middle, leaf] = cluster.slaves as [TestDatabase, TestDatabase]
  await master.query(`insert into t select i, 'a' from generate_series(1, 50) i`)
  for (const slave of [middle, leaf]) await rserv('replicate', master.uri, slave.uri)
  await rserv('repoint', middle.uri, leaf.uri)
  await master.query(`update t set v = 'b' where id <= 10; delete from t where id > 45`)
  await rserv('replicate', master.uri, middle.uri)
  expect(await rserv('replicate', middle.uri, leaf.uri)).toContain('10 rows written, 5 deleted')
  await expectSame(master, leaf, ['t'])
  // Nothing comes back to where it is from.
  expect(await rserv('replicate', master.uri, middle.uri)).toContain('has all changes')
  await master.query(`insert into t values (100, 'c')`)
  await rserv('replicate', master.uri, middle.uri)
  await middle.query('drop schema rserv cascade')
  expect(await rserv('repoint', master.uri, leaf.uri)).not.toMatch(/copied/)
  await expectSame(master, leaf, ['t'])
})

test('point 6: a master that was restored to an earlier time is refused, and takes its slave along by the command that is said', async () => {
  await using original = await startOriginal(testMajor())
  await using pair = await replicatedPair(DDL, { servers: { master: original.config() } })
  const { master, slave } = pair
  await rserv('slave-add-table', slave.uri, '--all', '--keep-log')
  await master.query(`insert into t select i, 'a' from generate_series(1, 20) i`)
  await rserv('replicate', master.uri, slave.uri)
  await master.client.end()
  using files = await copyFiles(original)
  await master.reconnect()
  await master.query(
    `insert into t values (30, 'before'); select pg_create_restore_point('point'); delete from t where id < 10`,
  )
  await rserv('replicate', master.uri, slave.uri)
  await master.client.end()
  await using restored = await startRecovered(files, original, 'point')
  const now = { ...restored.config(), database: master.name }
  await ask(now, `insert into t values (40, 'second life')`)
  expect(await refused('replicate', uriOf(now), slave.uri)).toMatch(/rserv repoint /)
  await rserv('repoint', uriOf(now), slave.uri)
  const rows = 'select id, v from t order by id'
  expect(await slave.query(rows)).toEqual(await ask(now, rows))
  await ask(now, `update t set v = 'z' where id = 1`)
  await rserv('replicate', uriOf(now), slave.uri)
  expect(await slave.query(rows)).toEqual(await ask(now, rows))
})
