import { keepLog, reconcile, replicate } from '@rserv/core'
import { startServer } from '@rserv/embedded'
import { testMajor } from '@rserv/test-utils'
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { backends, replicatedPair } from '../support/pair.ts'

const DDL = 'create table t (id int primary key, v text)'

test('cases 165, 166: a master that went back in time takes a slave that was ahead along, without a copy', async () => {
  await using server = await startServer({ major: testMajor(), settings: { fsync: 'off', autovacuum: 'off' } })
  await using pair = await replicatedPair(DDL, { servers: { master: server.config() } })
  const { master, slave } = pair
  await keepLog(slave.config, { backends })
  await master.query(`insert into t select i, 'common' from generate_series(1, 100) i`)
  await pair.sync()
  const backup = `${server.dataDir}.backup`
  await server.stop('fast', { keepFolder: true })
  // With owners and modes.
  execFileSync('cp', ['-a', server.dataDir, backup])
  await server.start()
  await master.reconnect()
  await master.query(
    `update t set v = 'lost' where id <= 3; delete from t where id = 50; insert into t values (200, 'lost')`,
  )
  await pair.sync()
  await server.stop('fast', { keepFolder: true })
  rmSync(server.dataDir, { recursive: true })
  execFileSync('cp', ['-a', backup, server.dataDir])
  await server.start()
  await master.reconnect()
  await master.query(`update t set v = 'second life' where id between 3 and 5`)
  await expect(pair.sync()).rejects.toMatchObject({
    code: 'POSITION_UNKNOWN',
    hint: expect.stringContaining('rserv repoint'),
  })
  const result = await reconcile(master.config, slave.config)
  // Both lives' keys, and no others: 1 to 5, 50 and 200.
  expect(result).toMatchObject({
    copied: [],
    keys: 5,
    transfer: { tables: [{ mode: 'changes', written: 6, deleted: 1 }] },
  })
  await pair.expectEqual('t')
  await master.query(`update t set v = 'goes on' where id = 7`)
  await expect(replicate(master.config, slave.config)).resolves.toMatchObject({ outcome: 'applied' })
  await pair.expectEqual('t')
})
