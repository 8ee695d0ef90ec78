import { check, reconcile, replicate, switchover } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends } from '../support/pair.ts'
import { createCluster, expectSame } from './cluster.ts'

const DDL = 'create table t (id int primary key, v text)'

/** The problems that `check` finds of a position or a role. */
async function positionFindings(master: TestDatabase, slave: TestDatabase): Promise<unknown[]> {
  const { findings } = await check(master.config, [slave.config], { backends })
  return findings
    .filter(({ code }) => ['position-unknown', 'other-master'].includes(code))
    .map(({ code, fix }) => ({ code, fix }))
}

test('a slave that a switchover left behind is told to repoint, and one whose master is named wrongly who it is', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master: old } = cluster
  const [master, left] = cluster.slaves as [TestDatabase, TestDatabase]
  await old.query(`insert into t values (1, 'first')`)
  await switchover(old.config, master.config)
  await master.query(`insert into t values (2, 'by the new master')`)
  // It takes nothing from the new master yet: that must not be called in sync.
  const repoint = `rserv repoint ${master.name} ${left.name}`
  await expect(replicate(master.config, left.config)).rejects.toMatchObject({
    code: 'POSITION_UNKNOWN',
    hint: expect.stringContaining(repoint),
  })
  expect(await positionFindings(master, left)).toEqual([
    { code: 'position-unknown', fix: expect.stringContaining(repoint) },
  ])
  // The former master feeds it meanwhile.
  await replicate(master.config, old.config)
  await replicate(old.config, left.config)
  await expectSame(master, left, ['t'])
  expect(await reconcile(master.config, left.config)).toMatchObject({ copied: [] })
  await expect(replicate(old.config, left.config)).rejects.toMatchObject({
    code: 'OLD_GENERATION',
    message: expect.stringContaining(`follows the master that took the place of ${old.name}`),
    hint: expect.stringContaining('configuration'),
  })
  expect(await positionFindings(old, left)).toMatchObject([{ code: 'other-master' }])
  // Of the two that changed places each is named wrongly by the old configuration.
  await expect(replicate(old.config, master.config)).rejects.toMatchObject({
    code: 'WRONG_ROLE',
    hint: expect.stringContaining('became the master with generation 2'),
  })
})

test('a slave whose master became a slave and left it to the new one is told to repoint, not to be copied', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master: old } = cluster
  const [master, left] = cluster.slaves as [TestDatabase, TestDatabase]
  await old.query(`insert into t values (0, 'common')`)
  for (const slave of [master, left]) await replicate(old.config, slave.config)
  // Below the slave for a while, so that this knows it, too.
  await reconcile(master.config, left.config)
  await reconcile(old.config, left.config)
  // And has not been told that it left.
  await old.query('delete from rserv.moved_slave')
  await old.query(`insert into t values (1, 'first')`)
  await replicate(old.config, left.config)
  await switchover(old.config, master.config)
  await master.query(`insert into t values (2, 'second')`)
  const failure = await replicate(old.config, left.config).catch((error: unknown) => error)
  expect(failure).toMatchObject({
    code: 'POSITION_UNKNOWN',
    message: `${old.name} was replaced as the master, and feeds ${left.name} no more`,
    hint: expect.stringContaining('rserv repoint NEW_MASTER'),
  })
  expect((failure as { hint: string }).hint).not.toContain('resync')
  expect(await reconcile(master.config, left.config)).toMatchObject({ copied: [] })
  await expectSame(master, left, ['t'])
})
