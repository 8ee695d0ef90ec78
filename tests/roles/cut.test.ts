import { replicate, switchover, undoSwitchover } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { startProxy } from '../support/proxy.ts'
import { createCluster, expectSame } from './cluster.ts'

const DDL = 'create table t (id int primary key, v text)'

/** The promotion's commit takes a while on the slave. */
const SLOW = `create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(1); return null; end';
  create constraint trigger slow after update on rserv.node deferrable initially deferred for each row
    when (new.is_master) execute function slow()`

test('the connection is cut while the promotion is committed: the master stays closed, and it is completed by running it again', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [slave] = cluster.slaves as [TestDatabase]
  await master.query(`insert into t values (1, 'a')`)
  await slave.query(SLOW)
  await using proxy = await startProxy(slave.config)
  let near = false
  proxy.onSent = (piece) => {
    if (!near || !piece.includes('commit\0')) return 'pass'
    near = false
    return 'pass, then cut'
  }
  const onEvent = ({ point }: { point?: string }): void => {
    if (point === 'roles.sequences') near = true
  }
  await expect(switchover(master.config, proxy.config, { onEvent })).rejects.toMatchObject({ code: 'CONNECT' })
  expect(near).toBe(false)
  await expect(master.query(`insert into t values (2, 'lost')`)).rejects.toMatchObject({ code: '25006' })
  await expect(undoSwitchover(master.config, slave.config)).rejects.toMatchObject({ code: 'NOT_READY' })
  await expect(switchover(master.config, slave.config)).resolves.toMatchObject({ outcome: 'completed', generation: 2 })
  await slave.query(`insert into t values (2, 'b')`)
  await replicate(slave.config, master.config)
  await expectSame(slave, master, ['t'])
})

test('all connections are cut before the promotion: the master is opened again at once', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [slave] = cluster.slaves as [TestDatabase]
  await using proxy = await startProxy(slave.config)
  const via = (node: TestDatabase): TestDatabase['config'] => ({ ...node.config, port: proxy.config.port })
  for (const at of ['roles.fenced', 'roles.last-transfer', 'roles.sequences']) {
    await master.query(`insert into t values ((select count(*) from t), 'a')`)
    const onEvent = ({ point }: { point?: string }): void => {
      if (point === at) proxy.cut()
    }
    await expect(switchover(via(master), via(slave), { onEvent }), at).rejects.toMatchObject({ code: 'CONNECT' })
    await master.query(`update t set v = 'still'`)
    await replicate(master.config, slave.config)
    await expectSame(master, slave, ['t'])
  }
  await expect(switchover(via(master), via(slave))).resolves.toMatchObject({ outcome: 'switched' })
})
