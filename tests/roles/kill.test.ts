import { promote, rejoin, replicate, switchover, undoSwitchover } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Cluster } from './cluster.ts'
import { createCluster, expectSame } from './cluster.ts'

const DRIVER = fileURLToPath(new URL('../support/role-changer.mjs', import.meta.url))
const DDL = 'create table t (id int primary key, v text); create table u (a int, b text, primary key (a, b))'

/** Runs a change of roles in a process that dies at the point; expects it to get there. */
async function killAt(what: string, point: string, databases: readonly TestDatabase[]): Promise<void> {
  const child = spawn(process.execPath, [DRIVER], {
    env: {
      ...process.env,
      RSERV_TEST_RUN: JSON.stringify({ what, killAt: point, args: databases.map(({ config }) => config) }),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const signal = await new Promise<NodeJS.Signals | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (_code, by) => resolve(by))
  })
  expect(signal, `${what} at ${point}: ${lines.join(' ')}`).toBe('SIGKILL')
}

let round = 0

async function write(master: TestDatabase): Promise<void> {
  round++
  await master.query(
    `insert into t select i, 'r${round}' from generate_series(${round}, ${round + 9}) i on conflict (id) do update set v = excluded.v;
     delete from t where id = ${round + 3}; insert into u values (${round}, 'r${round}')`,
  )
}

async function expectFed(master: TestDatabase, slaves: readonly TestDatabase[]): Promise<void> {
  await write(master)
  for (const slave of slaves) {
    const { tables } = await replicate(master.config, slave.config)
    expect(tables.every(({ mode }) => mode === 'changes')).toBe(true)
    await expectSame(master, slave, ['t', 'u'])
  }
}

function three({ master, slaves }: Cluster): [TestDatabase, TestDatabase, TestDatabase] {
  const [one, two] = slaves as [TestDatabase, TestDatabase]
  return [master, one, two]
}

test('switchover, killed at each of its points: undone before the promotion, completed after it', async () => {
  await using cluster = await createCluster(DDL, 2)
  let [master, slave, other] = three(cluster)
  await write(master)
  for (const point of ['roles.checked', 'roles.fenced', 'roles.last-transfer', 'roles.sequences']) {
    await killAt('switchover', point, [master, slave, other])
    await undoSwitchover(master.config, slave.config)
    await expectFed(master, [slave, other])
  }
  for (const point of [
    'roles.fenced',
    'roles.promoted',
    'roles.handed-over',
    'roles.adopted',
    'acknowledge.confirmed',
  ]) {
    await write(master)
    await killAt('switchover', point, [master, slave, other])
    const rows = 'select count(*)::int as n from t'
    const [before] = await master.query(rows)
    const result = await switchover(master.config, slave.config, { others: [other.config] })
    expect(result.followers.map(({ error, result: done }) => [error, done?.copied])).toEqual([
      [null, []],
      [null, []],
    ])
    expect(await slave.query(rows)).toEqual([before])
    ;[master, slave] = [slave, master]
    await expectFed(master, [slave, other])
  }
})

test('promote and rejoin, killed at each of their points, are completed by running them again', async () => {
  await using cluster = await createCluster(DDL, 2)
  let [master, slave, other] = three(cluster)
  await expectFed(master, [other, slave])
  for (const point of ['roles.checked', 'roles.promoted', 'roles.handed-over', 'roles.adopted']) {
    await write(master)
    await killAt('promote', point, [slave, other])
    const promoted = await promote(slave.config, { others: [other.config] })
    expect(promoted.followers).toMatchObject([{ error: null, result: { copied: [] } }])
    await expectFed(slave, [other])
    const at = ['roles.fenced', 'roles.reported', 'roles.handed-over', 'roles.adopted', 'apply.rows'][round % 5]
    await killAt('rejoin', at ?? '', [master, slave])
    const rejoined = await rejoin(master.config, slave.config)
    expect(rejoined.copied).toEqual([])
    ;[master, slave] = [slave, master]
    await expectFed(master, [other, slave])
  }
})
