import { replicate, switchover } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { startFollowing } from '../support/following.ts'
import { createCluster, expectSame } from './cluster.ts'

const DDL = 'create table t (id int primary key, v text)'

test('who follows the slave and does not let go is named before anything stops, and so is another change of roles', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [slave] = cluster.slaves as [TestDatabase]
  const following = startFollowing({ master, slave })
  await following.next('in-sync')
  await expect(switchover(master.config, slave.config, { letGoMs: 1 })).rejects.toMatchObject({
    code: 'BUSY',
    message: expect.stringContaining('rserv'),
    hint: expect.stringContaining(`rserv pause ${master.name}`),
  })
  await master.query(`insert into t values (1, 'still')`)
  await following.next('applied')
  await following.stop()
  // Another one is at it.
  const other = await master.connect()
  await other.query(
    `begin; select pg_advisory_xact_lock(hashtextextended('rserv.wanted ' || node_id, 0)) from rserv.server`,
  )
  await expect(switchover(master.config, slave.config)).rejects.toMatchObject({
    code: 'BUSY',
    message: 'another change of roles is under way',
  })
  await other.query('rollback')
  await other.end()
  await expect(switchover(master.config, slave.config)).resolves.toMatchObject({ outcome: 'switched' })
  await slave.query(`insert into t values (2, 'by the new master')`)
  await replicate(slave.config, master.config)
  await expectSame(slave, master, ['t'])
})
