import { cleanKeptLog, cleanLog, promote, reconcile, rejoin, replicate } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends } from '../support/pair.ts'
import { createCluster, expectSame } from './cluster.ts'

const DDL = 'create table t (id int primary key, v text)'
let written = 0

async function write(master: TestDatabase): Promise<void> {
  written++
  await master.query(`insert into t values (${written}, 'v'); update t set v = v || '+' where id < 5`)
}

async function slavesOf(node: TestDatabase): Promise<string[]> {
  const rows = await node.query<{ name: string }>('select name from rserv.server order by name')
  return rows.map(({ name }) => name)
}

async function logRows(node: TestDatabase): Promise<number> {
  const [row] = await node.query<{ n: number }>('select count(*)::int as n from rserv.log_1')
  return row?.n ?? -1
}

test('a node keeps no log for a slave that moved to another one, but for one that came back', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master } = cluster
  const [middle, leaf] = cluster.slaves as [TestDatabase, TestDatabase]
  const sync = async (): Promise<void> => {
    await write(master)
    await replicate(master.config, middle.config)
  }
  await write(master)
  for (const slave of [middle, leaf]) await replicate(master.config, slave.config)
  // Below the other slave: the master goes on to cover it by way of that one.
  await reconcile(middle.config, leaf.config)
  await sync()
  expect(await slavesOf(master)).toEqual([middle.name])
  await cleanLog(master.config, { olderThanSeconds: 0, backends })
  await replicate(middle.config, leaf.config)
  await sync()
  await replicate(middle.config, leaf.config)
  // And back, without a copy; then there again before anybody was told.
  expect(await reconcile(master.config, leaf.config)).toMatchObject({ copied: [] })
  expect(await reconcile(middle.config, leaf.config)).toMatchObject({ copied: [] })
  await sync()
  expect(await slavesOf(middle)).toEqual([leaf.name])
  expect(await slavesOf(master)).toEqual([middle.name])
  expect(await reconcile(master.config, leaf.config)).toMatchObject({ copied: [] })
  await sync()
  expect(await slavesOf(middle)).toEqual([])
  await replicate(master.config, leaf.config)
  await expectSame(master, leaf, ['t'])
  // Nothing is held for it there.
  await sync()
  await cleanKeptLog(master.config, middle.config, { backends })
  await replicate(master.config, leaf.config)
  await sync()
  await replicate(master.config, leaf.config)
  await cleanKeptLog(master.config, middle.config, { backends })
  expect(await logRows(middle)).toBeLessThan(10)
})

test('cleaning the log of a slave that feeds others leaves what its master’s slaves may need of it', async () => {
  await using cluster = await createCluster(DDL, 3)
  const { master } = cluster
  const [middle, behind, leaf] = cluster.slaves as [TestDatabase, TestDatabase, TestDatabase]
  await write(master)
  for (const slave of [middle, behind, leaf]) await replicate(master.config, slave.config)
  await reconcile(middle.config, leaf.config)
  for (let round = 0; round < 3; round++) {
    await write(master)
    await replicate(master.config, middle.config)
    await replicate(middle.config, leaf.config)
  }
  await cleanLog(middle.config, { olderThanSeconds: 0, backends })
  const { followers } = await promote(middle.config, { others: [behind.config, leaf.config], anyway: true })
  expect(followers.map(({ error, result }) => [error, result?.copied])).toEqual([
    [null, []],
    [null, []],
  ])
  for (const slave of [behind, leaf]) await expectSame(middle, slave, ['t'])
})

test('a promoted slave forgets what it held of the former master once everybody has come back', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master: old } = cluster
  const [slave, other] = cluster.slaves as [TestDatabase, TestDatabase]
  for (let round = 0; round < 4; round++) {
    await write(old)
    for (const one of [other, slave]) await replicate(old.config, one.config)
  }
  const history = async (): Promise<number> => {
    const [row] = await slave.query<{ n: number }>('select count(*)::int as n from rserv.applied')
    return row?.n ?? -1
  }
  await promote(slave.config, { others: [other.config] })
  const held = await history()
  expect(held).toBeGreaterThan(3)
  await write(slave)
  await replicate(slave.config, other.config)
  await cleanLog(slave.config, { olderThanSeconds: 0, backends })
  // The old master may still want it.
  expect(await history()).toBe(held)
  expect(await rejoin(old.config, slave.config)).toMatchObject({ copied: [] })
  await write(slave)
  for (const one of [old, other]) await replicate(slave.config, one.config)
  await cleanLog(slave.config, { olderThanSeconds: 0, backends })
  expect(await history()).toBe(1)
  expect(await logRows(slave)).toBeLessThan(3)
})
