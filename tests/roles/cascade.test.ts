import { applySnapshot, cleanKeptLog, cleanLog, prepareSnapshot, reconcile, replicate } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startFollowing } from '../support/following.ts'
import { backends } from '../support/pair.ts'
import { addSlave, createCluster, expectSame } from './cluster.ts'

const DDL = 'create table t (id int primary key, v text); create table u (a int, b text, primary key (a, b))'

async function write(master: TestDatabase, from: number, what: string): Promise<void> {
  await master.query(
    `insert into t select i, '${what}' from generate_series(${from}, ${from + 4}) i on conflict (id) do update set v = excluded.v;
     delete from t where id = ${from}; insert into u values (${from}, '${what}') on conflict do nothing`,
  )
}

test('case 177: a slave that keeps a log feeds a leaf, which goes on from the origin when the middle node is gone', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [middle] = cluster.slaves as [TestDatabase]
  await using leaf = await addSlave(DDL, { keeps: false, label: 'leaf' })
  await write(master, 1, 'first')
  await replicate(master.config, middle.config)
  await replicate(middle.config, leaf.config)
  await expectSame(master, leaf, ['t', 'u'])
  await write(master, 3, 'second')
  await replicate(master.config, middle.config)
  await replicate(middle.config, leaf.config)
  await expectSame(master, leaf, ['t', 'u'])
  const held = 'select position::text from rserv.slave_sync s, (select node_id from rserv.node) n where via is not null'
  const [[there], [here]] = [await middle.query('select position::text from rserv.slave_sync'), await leaf.query(held)]
  expect(here).toEqual(there)
  // The middle goes on without the leaf, and the master's log is cleaned as far as that lets it.
  await write(master, 5, 'third')
  await replicate(master.config, middle.config)
  await cleanKeptLog(master.config, middle.config, { backends })
  await cleanLog(master.config, { olderThanSeconds: 0, backends })
  await middle.query('drop schema rserv cascade')
  const result = await reconcile(master.config, leaf.config)
  // Nothing but what changed since: the row of the third round.
  expect(result).toMatchObject({ keys: 0, copied: [], transfer: { outcome: 'applied' } })
  expect(result.transfer.tables.map(({ mode }) => mode)).toEqual(['changes', 'changes'])
  await expectSame(master, leaf, ['t', 'u'])
  await write(master, 9, 'fourth')
  await replicate(master.config, leaf.config)
  await expectSame(master, leaf, ['t', 'u'])
})

test('a leaf is followed quickly through the middle node, and knows the origin as well as by thorough transfers', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [middle] = cluster.slaves as [TestDatabase]
  await using leaf = await addSlave(DDL, { label: 'leaf' })
  await replicate(middle.config, leaf.config)
  const above = startFollowing({ master, slave: middle })
  const below = startFollowing({ master: middle, slave: leaf })
  for (let round = 0; round < 5; round++) {
    await write(master, 10 * round, `round ${round}`)
    await below.next('applied')
  }
  await above.stop()
  await below.stop()
  await replicate(master.config, middle.config)
  await replicate(middle.config, leaf.config)
  await expectSame(master, leaf, ['t', 'u'])
  const held = 'select origin, sync_id, position::text, token, life from rserv.slave_sync where origin = $1'
  const [node] = await master.query<{ node_id: string }>('select node_id from rserv.node')
  const there = await middle.query(held, [node?.node_id])
  expect(there).toHaveLength(1)
  expect(await leaf.query(held, [node?.node_id])).toEqual(there)
})

test('a slave moves below another one and back, without a copy', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master } = cluster
  const [one, two] = cluster.slaves as [TestDatabase, TestDatabase]
  await write(master, 1, 'first')
  await replicate(master.config, one.config)
  await write(master, 2, 'second')
  await replicate(master.config, two.config)
  // The one that is below is ahead of the one above, and goes back with it for a while.
  const down = await reconcile(one.config, two.config)
  expect(down.copied).toEqual([])
  expect(down.keys).toBeGreaterThan(0)
  await expectSame(one, two, ['t', 'u'])
  await replicate(master.config, one.config)
  await replicate(one.config, two.config)
  await expectSame(master, two, ['t', 'u'])
  await write(master, 3, 'third')
  expect(await reconcile(master.config, two.config)).toMatchObject({ keys: 0, copied: [] })
  await expectSame(master, two, ['t', 'u'])
})

test('nothing in common is refused, and so is a log that does not reach back, unless a copy is asked for', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [one] = cluster.slaves as [TestDatabase]
  await using other = await addSlave(DDL, { label: 'other' })
  await expect(reconcile(one.config, other.config)).rejects.toMatchObject({ code: 'NOTHING_IN_COMMON' })
  await replicate(master.config, other.config)
  await write(master, 1, 'first')
  await replicate(master.config, one.config)
  await one.query(`update rserv.replicated_table set log_start = pg_current_snapshot() where table_name = 't'`)
  await expect(reconcile(one.config, other.config)).rejects.toMatchObject({ code: 'LOG_GAP' })
  await replicate(master.config, other.config)
  await write(master, 2, 'second')
  await replicate(master.config, one.config)
  const result = await reconcile(one.config, other.config, { copy: true })
  expect(result.copied).toEqual([{ schema: 'public', name: 't' }])
  await expectSame(one, other, ['t', 'u'])
})

test('a node of an older generation feeds nobody: not live, not followed, not through a file', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [slave] = cluster.slaves as [TestDatabase]
  await write(master, 1, 'first')
  await replicate(master.config, slave.config)
  await write(master, 2, 'second')
  const output = new PassThrough()
  const [, file] = await Promise.all([prepareSnapshot(master.config, output), buffer(output)])
  const following = startFollowing({ master, slave })
  await following.next('in-sync')
  // Somebody else was promoted, and the slave heard of it.
  await slave.query(`update rserv.reign set generation = 2, master = gen_random_uuid()`)
  await write(master, 3, 'third')
  const failed = await following.next('failed')
  expect(failed).toMatchObject({ error: { code: 'OLD_GENERATION' } })
  await following.stop()
  await expect(replicate(master.config, slave.config)).rejects.toMatchObject({
    code: 'OLD_GENERATION',
    hint: expect.stringContaining('rserv rejoin'),
  })
  const input = new PassThrough()
  input.end(file)
  await expect(applySnapshot(slave.config, input)).rejects.toMatchObject({ code: 'OLD_GENERATION' })
  // And once the master knows it itself, it does not even begin.
  await master.query(`update rserv.reign set generation = 2, master = gen_random_uuid()`)
  await expect(prepareSnapshot(master.config, new PassThrough())).rejects.toMatchObject({ code: 'OLD_GENERATION' })
})
