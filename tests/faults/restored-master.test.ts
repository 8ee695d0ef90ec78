import {
  applySnapshot,
  masterInit,
  prepareSnapshot,
  replicate,
  resync,
  slaveAddTables,
  slaveInit,
  uninstall,
} from '@rserv/core'
import type { Server } from '@rserv/embedded'
import { startServer } from '@rserv/embedded'
import { createDatabase, testMajor } from '@rserv/test-utils'
import { rmSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { findings } from '../support/checking.ts'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'

const DDL = 'create table t (id int primary key, v text)'

/** A cold base backup, and the way back to it. */
async function backUp(server: Server): Promise<{ restore: () => Promise<void> }> {
  const copy = `${server.dataDir}.backup`
  await server.stop('fast', { keepFolder: true })
  // With owners and modes.
  execFileSync('cp', ['-a', server.dataDir, copy])
  await server.start()
  return {
    async restore() {
      await server.stop('fast', { keepFolder: true })
      rmSync(server.dataDir, { recursive: true })
      execFileSync('cp', ['-a', copy, server.dataDir])
      await server.start()
    },
  }
}

/** The same numbers of transactions and of transaction ids, whatever they write. */
async function live({ master }: Pair, what: string, keys: readonly number[]): Promise<void> {
  for (const key of keys)
    await master.query(`insert into t values (${key}, '${what}') on conflict (id) do update set v = excluded.v`)
}

async function prepare(pair: Pair): Promise<Buffer> {
  const output = new PassThrough()
  const [, bytes] = await Promise.all([prepareSnapshot(pair.master.config, output), buffer(output)])
  return bytes
}

function apply(pair: Pair, file: Buffer): ReturnType<typeof applySnapshot> {
  const input = new PassThrough()
  input.end(file)
  return applySnapshot(pair.slave.config, input)
}

test('cases 165, 166: a master restored from a base backup lives another life under the same ids, and is recognised', async () => {
  await using server = await startServer({ major: testMajor(), settings: { fsync: 'off', autovacuum: 'off' } })
  await using pair = await replicatedPair(DDL, { servers: { master: server.config() } })
  const { master, slave } = pair
  await live(pair, 'before', [1, 2, 3, 4, 5])
  await pair.sync()
  const backup = await backUp(server)
  await master.reconnect()
  await live(pair, 'lost life', [1, 2, 10])
  // In the second life an error takes one more id, to be on record.
  await master.query('select pg_current_xact_id()')
  const lost = await pair.sync()
  await backup.restore()
  await master.reconnect()
  await live(pair, 'second life', [3, 4, 11])
  const at = 'select sync_id, position::text from rserv.slave_sync'
  const before = await slave.query(at)
  // It goes by sync ids while those are lower.
  await expect(pair.sync()).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' })
  // A file takes the same sync id; with the same position, as both lives used as many transaction ids.
  const file = await prepare(pair)
  const [given] = await master.query('select sync_id, position::text from rserv.sync order by sync_id desc limit 1')
  expect([given]).toEqual(before)
  expect(lost.syncId).toBe(given?.['sync_id'])
  await expect(pair.sync()).rejects.toMatchObject({ code: 'POSITION_UNKNOWN', hint: expect.stringContaining('resync') })
  await expect(apply(pair, file)).rejects.toMatchObject({ code: 'WRONG_SNAPSHOT' })
  await live(pair, 'third', [6])
  await expect(apply(pair, await prepare(pair))).rejects.toMatchObject({ code: 'WRONG_SNAPSHOT' })
  expect(await slave.query(at)).toEqual(before)
  await resync(master.config, slave.config, { tables: [], backends })
  await pair.syncAndCompare('t')
  await live(pair, 'on', [1, 20])
  await pair.syncAndCompare('t')
})

test('case 165: slaves that were not ahead of the backup simply go on, the one that was is refused', async () => {
  await using server = await startServer({ major: testMajor(), settings: { fsync: 'off', autovacuum: 'off' } })
  await using pair = await replicatedPair(DDL, { servers: { master: server.config() } })
  const { master } = pair
  await using second = await createDatabase({ label: 'second' })
  await second.query(DDL)
  await slaveInit(second.config)
  await slaveAddTables(second.config, { tables: ['t'] })
  await live(pair, 'before', [1, 2, 3])
  await pair.sync()
  await replicate(master.config, second.config)
  const backup = await backUp(server)
  await master.reconnect()
  await live(pair, 'lost life', [1, 10])
  await pair.sync()
  await backup.restore()
  await master.reconnect()
  for (let round = 0; round < 5; round++) {
    await live(pair, `second life ${round}`, [2, 20 + round])
    await replicate(master.config, second.config)
  }
  const rows = 'select * from t order by id'
  expect(await second.query(rows)).toEqual(await master.query(rows))
  await expect(pair.sync()).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' })
  await resync(master.config, pair.slave.config, { tables: [], backends })
  await pair.syncAndCompare('t')
})

test('case 170: a staging clone of the master feeds nobody until it is said what it is', async () => {
  await using pair = await replicatedPair(DDL)
  await live(pair, 'before', [1, 2])
  await pair.sync()
  await pair.master.client.end()
  await using clone = await createDatabase({ label: 'clone', template: pair.master.name })
  await pair.master.reconnect()
  const staging = { ...pair, master: clone }
  await live(staging, 'staging', [1, 3])
  await expect(replicate(clone.config, pair.slave.config)).rejects.toMatchObject({
    code: 'NODE_MOVED',
    hint: expect.stringContaining(`rserv uninstall ${clone.name}`),
  })
  await expect(prepare(staging)).rejects.toMatchObject({ code: 'NODE_MOVED' })
  expect(await findings(staging)).toMatchObject([{ code: 'node-moved', severity: 'problem' }])
  await live(pair, 'master', [2, 4])
  await pair.syncAndCompare('t')
  await uninstall(clone.config, { backends })
  await live(staging, 'free', [1])
  expect(await clone.query(`select count(*)::int as triggers from pg_trigger where not tgisinternal`)).toEqual([
    { triggers: 0 },
  ])
})

test('case 172: a database that takes the place of its template goes on, with its positions', async () => {
  await using pair = await replicatedPair(DDL)
  await live(pair, 'before', [1, 2])
  await pair.sync()
  await live(pair, 'unsynced', [2, 3])
  await pair.master.client.end()
  await using moved = await createDatabase({ label: 'moved', template: pair.master.name })
  const now = { ...pair, master: moved }
  await masterInit(moved.config, { backends })
  await live(now, 'after', [3, 4])
  expect(await replicate(moved.config, pair.slave.config)).toMatchObject({ tables: [{ mode: 'changes', written: 3 }] })
  const rows = 'select * from t order by id'
  expect(await pair.slave.query(rows)).toEqual(await moved.query(rows))
  // The one that was left behind has lost its slave.
  await pair.master.reconnect()
  await live(pair, 'late', [9])
  await expect(pair.sync()).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' })
})
