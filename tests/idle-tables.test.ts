import type { Point } from '@rserv/core'
import { cleanLog, replicate, slaveRemoveTables } from '@rserv/core'
import { startServer } from '@rserv/embedded'
import { testMajor } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { expectAsOf, installAudit } from './support/audit.ts'
import { startFollowing } from './support/following.ts'
import type { Pair } from './support/pair.ts'
import { backends, replicatedPair } from './support/pair.ts'
import { startReplicator } from './support/replicator.ts'

const tables = (count: number): string[] => Array.from({ length: count }, (_, index) => `t${index + 1}`)
const ddlOf = (names: readonly string[]): string =>
  names.map((name) => `create table ${name} (id int primary key, v text)`).join(';\n')

/** Runs, and says which points it passed. */
async function points({ master, slave }: Pair): Promise<{ outcome: string; points: Point[] }> {
  const passed: Point[] = []
  const { outcome } = await replicate(master.config, slave.config, {
    onEvent: ({ point }) => point && passed.push(point),
  })
  return { outcome, points: passed }
}

test(
  'a slave that has everything is told so without a look at its tables, and only then',
  { timeout: 120_000 },
  async () => {
    // Servers of its own: on a shared one others write all the time.
    await using server = await startServer({
      major: testMajor(),
      settings: { max_prepared_transactions: '5', autovacuum: 'off' },
    })
    await using pair = await replicatedPair(ddlOf(['t1', 't2']), { servers: { master: server.config() } })
    const { master } = pair
    const look = async (): Promise<'idle' | 'looked' | 'applied'> => {
      const { outcome, points: passed } = await points(pair)
      if (outcome === 'applied') return 'applied'
      return passed.includes('changes.confirmed') ? 'looked' : 'idle'
    }
    await master.query(`insert into t1 values (1, 'a')`)
    expect(await look()).toBe('applied')
    expect(await look()).toBe('idle')
    expect(await look()).toBe('idle')

    await master.query('create table other (id int)')
    expect(await look()).toBe('looked')
    await master.query(`begin; insert into t1 values (2, 'b'); prepare transaction 'open'`)
    await master.query(`insert into t2 values (1, 'b')`)
    expect(await look()).toBe('applied')
    // An open transaction changes nothing; its commit, much older than the position, does.
    expect(await look()).toBe('idle')
    await master.query(`commit prepared 'open'`)
    expect(await look()).toBe('applied')
    await pair.expectEqual('t1', 't2')
    expect(await look()).toBe('idle')

    // A change that fires no trigger.
    await master.query(`alter table t2 alter v type text using upper(v)`)
    expect(await look()).toBe('applied')
    await pair.expectEqual('t2')
    for (let n = 0; n < 150; n++) await master.query('select pg_current_xact_id()')
    expect(await look()).toBe('looked')
    await pair.slave.query(`update rserv.slave_table set state = 'new' where table_name = 't1'`)
    expect(await look()).toBe('applied')
  },
)

test('a table that becomes active while a transfer is being prepared travels as of its position', async () => {
  await using pair = await replicatedPair(ddlOf(tables(3)))
  const sides = { master: pair.master.config, slave: pair.slave.config }
  await installAudit(pair.master, tables(3))
  await pair.master.query(`insert into t1 values (1, 'a')`)
  const run = startReplicator(sides, { pauseAt: 'acknowledge.registered' })
  expect(await run.paused).toBe(true)
  await pair.master.query(`insert into t2 values (1, 'b'); insert into t3 values (1, 'c'); truncate t3`)
  run.goOn()
  expect(await run.ended).toMatchObject({ outcome: 'applied' })
  expect(await expectAsOf(pair.master, pair.slave, tables(3))).toBeGreaterThan(1)
  await pair.expectEqual(...tables(3))
})

test('cases 180, 182: while a transfer reads, no log at all is emptied by TRUNCATE, which would show it as idle', async () => {
  await using pair = await replicatedPair(ddlOf(tables(2)))
  // So that no transfer locks it.
  await slaveRemoveTables(pair.slave.config, { tables: ['t1'] })
  const clean = (): Promise<unknown> => cleanLog(pair.master.config, { olderThanSeconds: 0, backends })
  const filled = async (): Promise<unknown> =>
    (await pair.master.query(`select pg_relation_size('rserv.log_1') > 0 as filled`))[0]?.['filled']
  await pair.master.query(
    `insert into t1 select i, 'a' from generate_series(1, 200000) i; insert into t2 values (1, 'b')`,
  )
  await pair.sync()
  await pair.master.query(`insert into t2 values (2, 'b')`)
  const run = startReplicator({ master: pair.master.config, slave: pair.slave.config }, { pauseAt: 'changes.snapshot' })
  expect(await run.paused).toBe(true)
  await clean()
  expect(await filled()).toBe(true)
  run.goOn()
  expect(await run.ended).toMatchObject({ outcome: 'applied' })
  // Autovacuum may be at the log just now: cleaning does not wait for it.
  await expect.poll(async () => [await clean(), await filled()].at(-1), { timeout: 30_000 }).toBe(false)
  await pair.expectEqual('t2')
})

test('a slave is not asked where it is, which only a master is to be told from its copies by', async () => {
  await using pair = await replicatedPair(ddlOf(['t1']))
  await pair.slave.query(`create or replace function rserv.place() returns text language plpgsql as
    $$ begin raise exception 'asked'; end $$`)
  await pair.master.query(`insert into t1 values (1, 'a')`)
  await pair.syncAndCompare('t1')
  expect(await replicate(pair.master.config, pair.slave.config)).toMatchObject({ outcome: 'in-sync' })
})

test(
  'following many tables, one that was idle is met by the first transfer after its change',
  { timeout: 120_000 },
  async () => {
    const names = tables(40)
    await using pair = await replicatedPair(ddlOf(names))
    const following = startFollowing(pair)
    await following.next('in-sync')
    for (const [n, sql] of [
      `insert into t7 values (1, 'x')`,
      `update t7 set v = 'y'`,
      `begin; insert into t8 select i, 'x' from generate_series(1, 50) i; insert into t9 values (1, 'x'); commit`,
      'truncate t8',
      `insert into t8 values (3, 'z')`,
      `alter table t9 alter v type text using upper(v)`,
      `delete from t9`,
    ].entries()) {
      await pair.master.query(sql)
      await following.next('applied')
      await pair.expectEqual('t7', 't8', 't9')
      if (n % 2 === 0) await cleanLog(pair.master.config, { olderThanSeconds: 0, backends })
    }
    await following.stop()
    // Transfers that look at everything are the exception.
    expect(following.points.filter((point) => point === 'changes.planned').length).toBeLessThan(5)
    await pair.expectEqual(...names)
  },
)
