import {
  ddl,
  masterAddSequences,
  promote,
  reconcile,
  rehearseSwitchover,
  rejoin,
  replicate,
  switchover,
} from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends } from '../support/pair.ts'
import { createCluster, expectSame } from './cluster.ts'

const DDL = 'create table t (id int primary key, v text); create sequence tickets'

test('a switchover brings a pending script to the slave, and is refused while another slave waits for one', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master } = cluster
  const [slave, other] = cluster.slaves as [TestDatabase, TestDatabase]
  await master.query(`insert into t values (1, 'first')`)
  for (const one of [slave, other]) await replicate(master.config, one.config)
  await ddl(master.config, [], { script: 'alter table t add n int check (n > 0)', backends })
  await master.query('insert into t values (2, null, 2)')
  const others = [other.config]
  const obstacle = {
    what: `${other.name} waits for script 1 of rserv ddl`,
    fix: `Bring it up first: rserv replicate ${master.name} ${other.name}`,
  }
  expect(await rehearseSwitchover(master.config, slave.config, { others })).toMatchObject({ obstacles: [obstacle] })
  await expect(switchover(master.config, slave.config, { others })).rejects.toMatchObject({ code: 'NOT_READY' })
  await master.query('insert into t values (3, null, 3)')
  await replicate(master.config, other.config)
  const { followers } = await switchover(master.config, slave.config, { others })
  expect(followers).toMatchObject([{ error: null }, { error: null }])
  await slave.query('insert into t values (4, null, 4)')
  await expect(slave.query('insert into t values (5, null, 0)')).rejects.toMatchObject({ code: '23514' })
  for (const one of [master, other]) {
    await replicate(slave.config, one.config)
    await expectSame(slave, one, ['t'])
  }
  // Scripts go on from the new master, and the old one has none left to give.
  await ddl(slave.config, [master.config, other.config], { script: 'alter table t add m int', backends })
  await switchover(slave.config, master.config, { others })
  await expectSame(master, other, ['t'])
})

test('after a promotion: a script that only one of two has run is told before anything is transferred', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master: old } = cluster
  const [slave, other] = cluster.slaves as [TestDatabase, TestDatabase]
  await old.query(`insert into t values (1, 'first')`)
  for (const one of [slave, other]) await replicate(old.config, one.config)
  await ddl(old.config, [slave.config], { script: 'alter table t add n int default 7', backends })
  await replicate(old.config, slave.config)
  // This one nobody has got.
  await ddl(old.config, [], { script: 'alter table t add lost int', backends })
  const { followers } = await promote(slave.config, { others: [other.config] })
  expect(followers).toMatchObject([
    { error: { code: 'NOT_READY', message: expect.stringContaining('has run script 1') } },
  ])
  await slave.query('insert into t values (2, null, 2)')
  const before = await other.query('select * from t')
  await expect(reconcile(slave.config, other.config)).rejects.toMatchObject({
    code: 'NOT_READY',
    message: `${slave.name} has run script 1 of rserv ddl, which ${other.name} has not`,
  })
  expect(await other.query('select * from t')).toEqual(before)
  await other.query('alter table t add n int default 7')
  expect(await reconcile(slave.config, other.config, { anyway: true })).toMatchObject({ copied: [] })
  await expectSame(slave, other, ['t'])
  // It is asked for once.
  expect(await reconcile(slave.config, other.config)).toMatchObject({ copied: [] })
  await expect(rejoin(old.config, slave.config)).rejects.toMatchObject({
    code: 'NOT_READY',
    message: `${old.name} has run script 2 of rserv ddl, which ${slave.name} has not`,
  })
  await old.query('alter table t drop lost')
  expect(await rejoin(old.config, slave.config, { anyway: true })).toMatchObject({ copied: [] })
  await replicate(slave.config, old.config)
  await expectSame(slave, old, ['t'])
})

test('a slave that keeps a log has sequences that are registered by name, also after a promotion', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master: old } = cluster
  const [slave, other] = cluster.slaves as [TestDatabase, TestDatabase]
  await masterAddSequences(old.config, { sequences: ['tickets'] })
  await old.query(`insert into t values (1, nextval('tickets'))`)
  for (const one of [slave, other]) await replicate(old.config, one.config)
  await promote(slave.config, { others: [other.config], anyway: true, sequenceMargin: 0 })
  await slave.query(`select nextval('tickets') from generate_series(1, 40)`)
  await replicate(slave.config, other.config)
  expect(await other.query<{ v: string }>('select last_value::int as v from tickets')).toEqual(
    await slave.query('select last_value::int as v from tickets'),
  )
})
