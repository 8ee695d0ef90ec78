import { cleanLog, keepLog, reconcile, replicate, resync } from '@rserv/core'
import type { Server } from '@rserv/embedded'
import { testMajor } from '@rserv/test-utils'
import type { ClientConfig } from 'pg'
import { expect, test } from 'vitest'
import { addSlave } from './cluster.ts'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'
import type { PhysicalCopy } from '../support/physical.ts'
import {
  ask,
  becomeStandby,
  copyFiles,
  startCopy,
  startOriginal,
  startRecovered,
  untilCaughtUp,
  untilPrimary,
} from '../support/physical.ts'

const DDL = 'create table t (id int primary key, v text)'
const ROWS = 'select id, v from t order by id'

/** Both have the same rows. */
async function expectSame(a: ClientConfig, b: ClientConfig): Promise<void> {
  expect(await ask(a, ROWS)).toEqual(await ask(b, ROWS))
}

/** Refused before anything is applied, with both ways on. */
async function expectRecognised(master: ClientConfig, slave: ClientConfig): Promise<void> {
  const state = 'select position::text, token, (select count(*)::int from t) as rows from rserv.slave_sync order by 1'
  const before = await ask(slave, state)
  const refused = { code: 'POSITION_UNKNOWN', hint: expect.stringMatching(/rserv resync .*rserv repoint /) }
  await expect(replicate(master, slave)).rejects.toMatchObject(refused)
  await expect(replicate(master, slave)).rejects.toMatchObject(refused)
  expect(await ask(slave, state)).toEqual(before)
}

/** Rows that all have, by a slave that keeps a log. */
async function common(pair: Pair): Promise<void> {
  await keepLog(pair.slave.config, { backends })
  await pair.master.query(`insert into t select i, 'common' from generate_series(1, 20) i`)
  await pair.sync()
}

/** The original's files as they are now; it goes on. */
async function copyOf(original: Server, { master }: Pair): Promise<PhysicalCopy> {
  await master.client.end()
  const files = await copyFiles(original)
  await master.reconnect()
  return files
}

test('point 6: a promoted standby that lacks what a slave has is recognised; the slave goes back with it, without a copy', async () => {
  const major = testMajor()
  await using original = await startOriginal(major)
  await using pair = await replicatedPair(DDL, { servers: { master: original.config() } })
  const { master, slave } = pair
  await common(pair)
  using files = await copyOf(original, pair)
  becomeStandby(files, original)
  await using standby = await startCopy(files, major)
  await master.query(`insert into t values (30, 'on the standby')`)
  await untilCaughtUp(standby, original)
  // The standby falls behind; the slave does not.
  await standby.stop('fast', { keepFolder: true })
  await master.query(
    `update t set v = 'lost' where id <= 3; delete from t where id = 4; insert into t values (31, 'lost')`,
  )
  await pair.sync()
  await master.client.end()
  await original.stop('immediate', { keepFolder: true })
  await standby.start()
  await ask(standby.config(), 'select pg_promote()')
  await untilPrimary(standby)
  await original.start()
  const promoted = { ...standby.config(), database: master.name }
  await ask(promoted, `update t set v = 'goes on' where id between 3 and 5`)
  await expectRecognised(promoted, slave.config)
  // As many syncs and transactions later as the lost life had.
  await ask(promoted, `select nextval('rserv.sync_id_seq') from generate_series(1, 50)`)
  await expectRecognised(promoted, slave.config)
  // The keys of both lives since the last state that both have on record, and no others: 1 to 5, 30 and 31.
  expect(await reconcile(promoted, slave.config)).toMatchObject({
    copied: [],
    transfer: { tables: [{ mode: 'changes', written: 6, deleted: 1 }] },
  })
  await expectSame(promoted, slave.config)
  await ask(promoted, `insert into t values (32, 'later')`)
  expect(await replicate(promoted, slave.config)).toMatchObject({ outcome: 'applied' })
  await expectSame(promoted, slave.config)
})

test('point 6: a point-in-time restore is recognised; a slave that keeps no log is copied, one that keeps one is not', async () => {
  await using original = await startOriginal(testMajor())
  await using pair = await replicatedPair(DDL, { servers: { master: original.config() } })
  const { master, slave } = pair
  await common(pair)
  await using other = await addSlave(DDL, { keeps: false, label: 'plain' })
  await replicate(master.config, other.config)
  using files = await copyOf(original, pair)
  await master.query(`insert into t values (30, 'before the point')`)
  await pair.sync()
  await replicate(master.config, other.config)
  await master.query(`select pg_create_restore_point('point'); delete from t where id < 10`)
  await pair.sync()
  await replicate(master.config, other.config)
  await master.client.end()
  await using restored = await startRecovered(files, original, 'point')
  const now = { ...restored.config(), database: master.name }
  await ask(now, `insert into t values (40, 'second life')`)
  for (const one of [slave, other]) await expectRecognised(now, one.config)
  expect(await reconcile(now, slave.config)).toMatchObject({ copied: [] })
  await expectSame(now, slave.config)
  await expect(reconcile(now, other.config)).rejects.toMatchObject({
    code: 'NOTHING_IN_COMMON',
    hint: expect.stringContaining('rserv resync'),
  })
  await resync(now, other.config, { tables: [], backends })
  await replicate(now, other.config)
  await expectSame(now, other.config)
})

test('point 6: a physical clone beside the original feeds no slave that is ahead of it; the original goes on', async () => {
  const major = testMajor()
  await using original = await startOriginal(major)
  await using pair = await replicatedPair(DDL, { servers: { master: original.config() } })
  const { master, slave } = pair
  await common(pair)
  using files = await copyOf(original, pair)
  await master.query(`insert into t values (30, 'by the original')`)
  await pair.sync()
  await using copy = await startCopy(files, major)
  const clone = { ...copy.config(), database: master.name }
  await ask(clone, `insert into t values (30, 'by the clone')`)
  await expectRecognised(clone, slave.config)
  await master.query(`insert into t values (31, 'by the original')`)
  await cleanLog(master.config, { olderThanSeconds: 0, backends })
  await pair.syncAndCompare('t')
})
