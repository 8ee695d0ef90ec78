import { promote, reconcile, rejoin, replicate, switchover } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { Cluster } from './cluster.ts'
import { createCluster, expectSame } from './cluster.ts'

const DDL = 'create table t (id int primary key, v text)'

async function filled(): Promise<Cluster & { readonly nodes: [TestDatabase, TestDatabase, TestDatabase] }> {
  const cluster = await createCluster(DDL, 3)
  await cluster.master.query(`insert into t values (1, 'common')`)
  for (const slave of cluster.slaves) await replicate(cluster.master.config, slave.config)
  return { ...cluster, nodes: cluster.slaves as [TestDatabase, TestDatabase, TestDatabase] }
}

test('two promotions that did not know of each other: the one that is promoted again goes on, and the others follow it', async () => {
  await using cluster = await filled()
  const [one, two, slave] = cluster.nodes
  await promote(one.config)
  expect(await promote(two.config, { others: [slave.config], anyway: true })).toMatchObject({ generation: 2 })
  await one.query(`insert into t values (2, 'one')`)
  await two.query(`insert into t values (2, 'two'), (3, 'two')`)
  await replicate(two.config, slave.config)
  await expect(reconcile(one.config, slave.config)).rejects.toMatchObject({
    code: 'OLD_GENERATION',
    message: expect.stringContaining('two masters of the same generation 2'),
    hint: expect.stringContaining(`--other-slave ${slave.name}`),
  })
  const again = await promote(one.config, { others: [slave.config] })
  expect(again).toMatchObject({ generation: 3, followers: [{ error: null, result: { copied: [] } }] })
  await expectSame(one, slave, ['t'])
  await expect(replicate(two.config, slave.config)).rejects.toMatchObject({ code: 'OLD_GENERATION' })
  // Once more changes nothing.
  expect(await promote(one.config, { others: [slave.config] })).toMatchObject({ generation: 3 })
  expect(await rejoin(two.config, one.config)).toMatchObject({ copied: [], report: { rows: 2 } })
  await replicate(one.config, two.config)
  await expectSame(one, two, ['t'])
})

test('a promotion that is earlier than one that others know is raised above it only if told so', async () => {
  await using cluster = await filled()
  const [one, two, left] = cluster.nodes
  await promote(one.config, { others: [two.config], anyway: true })
  await switchover(one.config, two.config)
  // The latest master is gone, and this one has heard of nothing.
  expect(await promote(left.config)).toMatchObject({ generation: 2 })
  await expect(promote(left.config, { others: [one.config] })).rejects.toMatchObject({
    code: 'NOT_READY',
    hint: expect.stringContaining('generation 3'),
  })
  const raised = await promote(left.config, { others: [one.config], anyway: true })
  expect(raised).toMatchObject({ generation: 4, followers: [{ error: null, result: { copied: [] } }] })
  await left.query(`insert into t values (4, 'left')`)
  await replicate(left.config, one.config)
  await expectSame(left, one, ['t'])
  expect(await rejoin(two.config, left.config)).toMatchObject({ copied: [] })
  await expectSame(left, two, ['t'])
})
