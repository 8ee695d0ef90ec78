import type { Point } from '@rserv/core'
import { replicate } from '@rserv/core'
import { expect, test } from 'vitest'
import { expectAsOf, installAudit } from '../support/audit.ts'
import type { Pair } from '../support/pair.ts'
import { replicatedPair } from '../support/pair.ts'
import { startReplicator } from '../support/replicator.ts'
import { settle } from '../support/settle.ts'

const DDL = 'create table t (id int primary key, v text)'
const MOMENTS: readonly Point[] = [
  'apply.locked',
  'changes.snapshot',
  'apply.copied',
  'transfer.durable',
  'apply.position',
]

async function change({ master }: Pair, round: number): Promise<void> {
  await master.query(
    `insert into t values (${round}, 'r${round}'); update t set v = v || '.' where id % 3 = ${round % 3}; delete from t where id = ${round - 4}`,
  )
}

test('case 155: a replicator that comes back after its sessions were taken for dead writes nothing of its old transfer', async () => {
  await using pair = await replicatedPair(DDL)
  await installAudit(pair.master, ['t'])
  const sides = { master: pair.master.config, slave: pair.slave.config }
  for (const [index, pauseAt] of MOMENTS.entries()) {
    await change(pair, index * 10)
    const zombie = startReplicator(sides, { pauseAt })
    expect(await zombie.paused, pauseAt).toBe(true)
    await change(pair, index * 10 + 1)
    // As a server does with a client that it has not heard of for too long.
    const theirs = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'rserv%'`
    await pair.slave.query(theirs)
    const next = await settle(() => replicate(sides.master, sides.slave))
    await pair.expectEqual('t')
    const position = await pair.slave.query('select sync_id, position::text from rserv.slave_sync')
    expect(position).toMatchObject([{ sync_id: next.syncId }])
    await change(pair, index * 10 + 2)
    zombie.goOn()
    expect(await zombie.ended, pauseAt).toMatchObject({ code: 'CONNECT' })
    expect(await pair.slave.query('select sync_id, position::text from rserv.slave_sync')).toEqual(position)
    await expectAsOf(pair.master, pair.slave, ['t'])
  }
  await pair.syncAndCompare('t')
})

test('cases 154, 155: while the zombie’s sessions live nobody else moves the slave, and it may finish', async () => {
  await using pair = await replicatedPair(DDL)
  const sides = { master: pair.master.config, slave: pair.slave.config }
  for (const [index, pauseAt] of MOMENTS.entries()) {
    await change(pair, index * 10)
    const slow = startReplicator(sides, { pauseAt })
    expect(await slow.paused, pauseAt).toBe(true)
    for (let tries = 0; tries < 3; tries++) {
      await expect(replicate(sides.master, sides.slave), pauseAt).rejects.toMatchObject({ code: 'BUSY' })
    }
    slow.goOn()
    expect(await slow.ended).toMatchObject({ outcome: 'applied' })
    await change(pair, index * 10 + 1)
    await pair.syncAndCompare('t')
  }
})

test('case 154: replicators that race: every transfer is applied once, in order', async () => {
  await using pair = await replicatedPair(DDL)
  await installAudit(pair.master, ['t'])
  const sides = { master: pair.master.config, slave: pair.slave.config }
  const outcomes: string[] = []
  let round = 0
  const racer = async (): Promise<void> => {
    for (let i = 0; i < 15; i++) {
      await change(pair, ++round)
      const outcome = await replicate(sides.master, sides.slave).then(
        (result) => result.outcome,
        (error: { code: string }) => error.code,
      )
      outcomes.push(outcome)
    }
  }
  const racing = Promise.all([racer(), racer(), racer()])
  for (let i = 0; i < 10; i++) await expectAsOf(pair.master, pair.slave, ['t'])
  await racing
  expect(outcomes).toContain('applied')
  // In sync: another one took a change along before its maker came.
  expect(outcomes.filter((outcome) => !['applied', 'BUSY', 'in-sync'].includes(outcome))).toEqual([])
  await pair.syncAndCompare('t')
})
