import { cleanLog, replicate } from '@rserv/core'
import { startServer } from '@rserv/embedded'
import { testMajor } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'
import { startReplicator } from '../support/replicator.ts'

/** Megabytes of JavaScript heap: a fiftieth of what would hold the rows, and twice what the program needs for itself. */
const HEAP_MB = 24

function inSmallHeap(pair: Pair): ReturnType<typeof startReplicator>['ended'] {
  const sides = { master: pair.master.config, slave: pair.slave.config }
  return startReplicator(sides, { nodeOptions: `--max-old-space-size=${HEAP_MB}` }).ended
}

test('cases 145, 162: hundreds of thousands of rows, of one transaction and of a month, in a bounded heap', async () => {
  await using pair = await replicatedPair(
    'create table t (id int primary key, v text); create table other (id int primary key)',
  )
  const { master } = pair
  await master.query(`insert into t select i, repeat('x', 500) from generate_series(1, 200000) i`)
  expect(await inSmallHeap(pair)).toMatchObject({ outcome: 'applied' })
  await pair.expectEqual('t')
  // Long offline: a log several times as long as the table, of many transactions.
  for (let day = 0; day < 30; day++) {
    await master.query(`update t set v = 'day ${day}' where id % 7 = ${day % 7}; delete from t where id % 1000 = ${day};
      insert into t select ${300_000 + day * 1000} + i, 'new' from generate_series(1, 1000) i; insert into other values (${day})`)
  }
  expect(await inSmallHeap(pair)).toMatchObject({ outcome: 'applied' })
  await pair.expectEqual('t', 'other')
})

test('case 145: more partitions than the server has locks for is an error that says so, and passes when it has', async () => {
  const partitions = Array.from(
    { length: 600 },
    (_, i) => `create table p_${i} partition of p for values from (${i * 10}) to (${i * 10 + 10})`,
  )
  const few = { max_connections: '10', max_locks_per_transaction: '10', fsync: 'off', autovacuum: 'off' }
  const many = { ...few, max_locks_per_transaction: '1000' }
  await using server = await startServer({ major: testMajor(), settings: many })
  await using pair = await replicatedPair('create table p (id int primary key, v text) partition by range (id)', {
    servers: { master: server.config() },
    tables: ['p'],
  })
  for (const side of [pair.master, pair.slave]) for (const sql of partitions) await side.query(sql)
  await pair.syncAndCompare('p')
  await server.stop('fast', { keepFolder: true })
  await server.start(few)
  await pair.master.reconnect()
  await pair.master.query(`insert into p_5 values (55, 'a')`)
  await expect(pair.sync()).rejects.toMatchObject({
    sqlState: '53200',
    hint: expect.stringContaining('max_locks_per_transaction'),
  })
  await server.stop('fast', { keepFolder: true })
  await server.start(many)
  await pair.master.reconnect()
  await pair.master.query(`insert into p select i, 'b' from generate_series(100, 5999) i`)
  await pair.syncAndCompare('p')
})

test('case 183: an old snapshot that somebody holds keeps no cleaned log alive', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, v int)')
  const { master } = pair
  await master.query('insert into t select i, 0 from generate_series(1, 20000) i')
  await replicate(master.config, pair.slave.config)
  const old = await master.connect()
  await old.query('begin isolation level repeatable read; select 1')
  await master.query(`prepare one (int) as update t set v = $1`)
  for (let round = 0; round < 8; round++) {
    await master.query(`execute one (${round})`)
    await pair.sync()
    await cleanLog(master.config, { syncId: 1n << 62n, backends })
  }
  const size = `select sum(pg_total_relation_size(oid))::int as bytes, max(pg_relation_size(oid))::int as most
    from pg_class where relname ~ '^log_[0-9]+(_1)?$' and relnamespace = 'rserv'::regnamespace`
  const [after] = await master.query<{ bytes: number; most: number }>(size)
  // 160 000 rows went through it; DELETE alone would have kept all of them: more than 7 MB each round or two.
  expect(after?.most).toBeLessThan(10 * 1024 * 1024)
  await old.query('commit')
  await pair.syncAndCompare('t')
})
