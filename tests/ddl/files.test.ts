import { Readable, Writable } from 'node:stream'
import type { PrepareSnapshotResult, TransferResult } from '@rserv/core'
import {
  applySnapshot,
  cleanLog,
  ddl,
  masterAddTables,
  masterInit,
  masterSync,
  prepareSnapshot,
  slaveAddTables,
  slaveInit,
} from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { unpack } from '../support/pack.ts'
import type { Pair } from '../support/pair.ts'
import { backends, createPair, replicatedPair } from '../support/pair.ts'
import { startReplicator } from '../support/replicator.ts'

async function prepare(pair: Pair, copy: string[] = []): Promise<PrepareSnapshotResult & { file: Buffer }> {
  const chunks: Buffer[] = []
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  const result = await prepareSnapshot(pair.master.config, output, { copy })
  return { ...result, file: Buffer.concat(chunks) }
}

const apply = (pair: Pair, file: Buffer): Promise<TransferResult> =>
  applySnapshot(pair.slave.config, Readable.from([file], { objectMode: false }))

test('scripts travel in files: each file ends with one, and the slave runs it once', async () => {
  await using pair = await replicatedPair(
    'create table t (id int primary key, v text); create table u (id int primary key)',
  )
  const { master, slave } = pair
  const run = (script: string) => ddl(master.config, [], { script, backends })
  await master.query(`insert into t select i, 'v' from generate_series(1, 10) i`)
  await run('alter table t add unique (v, id); alter table u rename to w')
  await master.query(`update t set v = 'w' where id < 5; insert into w values (1)`)
  await run(`alter table t alter v type text using upper(v)`)
  await master.query(`delete from t where id > 8`)
  const first = await prepare(pair)
  expect(first).toMatchObject({ script: '1', tables: [{ rows: 10 }] })
  expect(unpack(first.file).toString('latin1')).toContain('"format":2')
  expect(await apply(pair, first.file)).toMatchObject({ outcome: 'applied', scripts: ['1'] })
  expect(await slave.query(`select count(*)::int as n from t where v = 'v'`)).toEqual([{ n: 10 }])
  expect(await apply(pair, first.file)).toMatchObject({ outcome: 'already-applied' })
  const again = await prepare(pair)
  expect(await apply(pair, again.file)).toMatchObject({ outcome: 'applied', scripts: ['1'] })
  await masterSync(master.config, BigInt(again.syncId ?? 0))
  const second = await prepare(pair)
  expect(second.script).toBe('2')
  expect(await apply(pair, second.file)).toMatchObject({ scripts: ['2'] })
  await masterSync(master.config, BigInt(second.syncId ?? 0))
  const third = await prepare(pair)
  expect(third.script).toBe(null)
  // The conversion need not give the same everywhere: the table is to be sent whole.
  await expect(apply(pair, third.file)).rejects.toMatchObject({
    code: 'WRONG_SNAPSHOT',
    hint: expect.stringContaining('--copy'),
  })
  await apply(pair, (await prepare(pair, ['t'])).file)
  await pair.expectEqual('t', 'w')
  expect(await slave.query('select ddl_id::int as id from rserv.slave_ddl order by 1')).toEqual([{ id: 1 }, { id: 2 }])
})

test('a slave restored from before a script whose rows are not kept any more runs it where it is, if the log serves it', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, v text)')
  const { master, slave } = pair
  const [before] = await slave.query('select sync_id, position::text as p, token from rserv.slave_sync')
  const restore = (): Promise<unknown> =>
    slave.query(`delete from rserv.slave_ddl; alter table t drop a; delete from t; update rserv.slave_sync
      set sync_id = ${before?.['sync_id']}, position = '${before?.['p']}', token = '${before?.['token']}'`)
  await master.query(`insert into t values (1, 'a')`)
  await ddl(master.config, [slave.config], { script: 'alter table t add a int', backends })
  await restore()
  expect((await pair.syncAndCompare('t')).scripts).toEqual(['1'])
  await restore()
  await cleanLog(master.config, { syncId: 1n << 62n, backends })
  await expect(pair.sync()).rejects.toMatchObject({ code: 'LOG_GAP', hint: expect.stringContaining('rserv resync') })
})

test('a slave that is filled for the first time while a script runs, by a file or over a connection, runs it too', async () => {
  const DDL = 'create table t (id int primary key, v text)'
  await using pair = await createPair('ddl_first')
  const { master, slave } = pair
  await masterInit(master.config, { backends })
  await slaveInit(slave.config)
  for (const database of [master, slave]) await database.query(DDL)
  await masterAddTables(master.config, { tables: ['t'], backends })
  await slaveAddTables(slave.config, { tables: ['t'] })
  await master.query(`insert into t select i, 'v' from generate_series(1, 9) i`)
  const copy = startReplicator({ master: master.config, slave: slave.config }, { pauseAt: 'changes.counted' })
  expect(await copy.paused).toBe(true)
  await master.query(`update t set v = 'w' where id < 5`)
  const file = await prepare(pair, ['t'])
  await ddl(master.config, [], {
    script: 'create index by_v on t (v); create table seen as select count(*) as n from t',
    backends,
  })
  await master.query(`insert into t values (10, 'x')`)
  copy.goOn()
  expect(await copy.ended).toMatchObject({ outcome: 'applied' })
  expect((await pair.syncAndCompare('t')).scripts).toEqual(['1'])
  await slave.query(
    'drop table seen; drop index by_v; delete from t; delete from rserv.slave_ddl; delete from rserv.slave_sync',
  )
  await slave.query(`update rserv.slave_table set state = 'new', origin = null`)
  await apply(pair, file.file)
  await masterSync(master.config, BigInt(file.syncId ?? 0))
  await master.query(
    `update rserv.server set (sync_id, position, ddl_id) = (select sync_id, position, 0 from rserv.sync where sync_id = ${file.syncId})`,
  )
  expect(await prepare(pair)).toMatchObject({ script: '1' })
})

test("a role that may not change the slave's tables is told who may; then the script runs", async () => {
  await using pair = await replicatedPair('create table t (id int primary key, v text)')
  const { master, slave } = pair
  await using role = await createRole('', [slave])
  await slave.query(`grant usage on schema rserv to "${role.name}"; grant all on all tables in schema rserv to "${role.name}";
    grant all on t to "${role.name}"`)
  const as = { ...slave.config, user: role.name, password: role.password }
  const script = 'alter table t add a int'
  const result = await ddl(master.config, [as], { script, backends })
  expect(result.slaves).toMatchObject([
    { outcome: 'waiting', error: { code: 'SCRIPT', sqlState: '42501', hint: expect.stringContaining('--slaveuser') } },
  ])
  await master.query('insert into t values (1, $$a$$, 2)')
  expect(await ddl(master.config, [slave.config], { backends })).toMatchObject({ slaves: [{ scripts: ['1'] }] })
  await pair.expectEqual('t')
})
