import { createReadStream } from 'node:fs'
import { Readable, Writable } from 'node:stream'
import type { TransferResult } from '@rserv/core'
import {
  applySnapshot,
  cleanLog,
  masterAddTables,
  masterInit,
  masterSync,
  prepareSnapshot,
  replicate,
  slaveAddTables,
  slaveInit,
  slaveRemoveTables,
} from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { pack, unpack } from './support/pack.ts'
import type { Pair } from './support/pair.ts'
import { backends, createPair, replicatedPair } from './support/pair.ts'

const DDL = 'create table t (id int primary key, v text); create table other (id int primary key)'

async function prepare(pair: Pair, options: { server?: string; copy?: string[] } = {}): Promise<Buffer> {
  const chunks: Buffer[] = []
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  await prepareSnapshot(pair.master.config, output, { server: 'far', ...options })
  return Buffer.concat(chunks)
}

const apply = (pair: Pair, file: Buffer): Promise<TransferResult> =>
  applySnapshot(pair.slave.config, Readable.from([file], { objectMode: false }))

/** A pair that has never replicated; the slave is known by files only. */
async function farPair(): Promise<Pair> {
  const pair = await createPair('far')
  for (const database of [pair.master, pair.slave]) await database.query(DDL)
  await masterInit(pair.master.config, { backends })
  await slaveInit(pair.slave.config)
  await masterAddTables(pair.master.config, { tables: [], all: true, backends })
  await slaveAddTables(pair.slave.config, { tables: [], all: true })
  return pair
}

test('case 163: damage of every kind is refused and nothing is applied', async () => {
  await using pair = await farPair()
  await pair.master.query(`insert into t select i, md5(i::text) from generate_series(1, 2000) i`)
  const file = await prepare(pair)
  const nothing = async (bad: Buffer, code: string): Promise<void> => {
    await expect(apply(pair, bad)).rejects.toMatchObject({ code })
    expect(await pair.slave.query('select count(*)::int as n from t')).toEqual([{ n: 0 }])
  }
  for (const length of [0, 1, 20, Math.floor(file.length / 2), file.length - 9, file.length - 1]) {
    await nothing(file.subarray(0, length), 'BAD_SNAPSHOT')
  }
  for (let at = 12; at < file.length; at += Math.ceil(file.length / 25)) {
    const flipped = Buffer.from(file)
    flipped[at] = (flipped[at] ?? 0) ^ 0x10
    await nothing(flipped, 'BAD_SNAPSHOT')
  }
  // Damage that compression does not notice: only the checksum of the frames can.
  const plain = unpack(file)
  const at = plain.indexOf(Buffer.from('c4ca4238a0b923820dcc509a6f75849b'))
  expect(at).toBeGreaterThan(0)
  plain[at] = 'd'.charCodeAt(0)
  await nothing(pack(plain), 'BAD_SNAPSHOT')
  await nothing(pack(Buffer.concat([unpack(file), Buffer.from('more')])), 'BAD_SNAPSHOT')
  const newer = unpack(file)
  newer.write('"format":9', newer.indexOf('"format":1'))
  await nothing(pack(newer), 'BAD_SNAPSHOT')
  await nothing(Buffer.from('not a snapshot at all'), 'BAD_SNAPSHOT')
  await expect(applySnapshot(pair.slave.config, createReadStream('/nowhere/at/all'))).rejects.toMatchObject({
    code: 'BAD_SNAPSHOT',
  })
  expect(await apply(pair, file)).toMatchObject({ outcome: 'applied' })
  await pair.expectEqual('t')
})

test('case 163: damage to what the header says of a table is called damage, not a fault of the slave', async () => {
  await using pair = await farPair()
  await pair.master.query(`insert into t values (1, 'a')`)
  const plain = unpack(await prepare(pair))
  const pieces = ['"table"', '"schema"', 'public', 'other', '"keyColumns"', '["id"]', '"columns"', '"type"', 'integer']
  pieces.push('"rows"', '"rows":1', '"mode"', 'copy', '"sequences"', '"originDatabase"', '"to"', '"syncId"', '"reigns"')
  for (const piece of pieces) {
    const at = plain.lastIndexOf(piece)
    expect(at, piece).toBeGreaterThan(0)
    const damaged = Buffer.from(plain)
    damaged[at + piece.length - 2] = (damaged[at + piece.length - 2] ?? 0) ^ 1
    const outcome = await apply(pair, pack(damaged)).catch((error: unknown) => error)
    expect(outcome, piece).toMatchObject({ code: 'BAD_SNAPSHOT' })
  }
  await apply(pair, pack(plain))
  await pair.expectEqual('t')
})

test('a sound file that the slave refuses is not called damaged, however the refusal comes', async () => {
  await using pair = await farPair()
  await pair.master.query(`insert into t select i, repeat(md5(i::text), 30) from generate_series(1, 40000) i`)
  const file = await prepare(pair)
  const small = Array.from({ length: Math.ceil(file.length / 16_384) }, (_, index) =>
    file.subarray(index * 16_384, (index + 1) * 16_384),
  )
  const slow = async function* (): AsyncGenerator<Buffer> {
    for (const piece of small) {
      await new Promise((resolve) => setTimeout(resolve, 15))
      yield piece
    }
  }
  await pair.slave.query('alter table t add constraint few check (id < 3)')
  // Slowly, and more than once: a read of the file is under way when the rows are refused.
  for (let time = 0; time < 4; time++) {
    const pieces = Readable.from(slow(), { objectMode: false })
    await expect(applySnapshot(pair.slave.config, pieces)).rejects.toMatchObject({ code: 'SQL', sqlState: '23514' })
  }
  // Refused by COMMIT, when the file has been read to its end.
  await pair.slave.query(`alter table t drop constraint few;
    create function no() returns trigger language plpgsql as $$ begin raise exception using errcode = '23514'; end $$;
    create constraint trigger no after insert on t deferrable initially deferred for each row execute function no();
    alter table t enable always trigger no`)
  await expect(apply(pair, file)).rejects.toMatchObject({ code: 'SQL', sqlState: '23514' })
  await pair.slave.query('drop trigger no on t')
  await apply(pair, file)
  await pair.expectEqual('t')
})

test('case 163: applied twice, out of order, unconfirmed overlaps', async () => {
  await using pair = await farPair()
  await pair.master.query(`insert into t values (1, 'a')`)
  const first = await prepare(pair)
  expect(await apply(pair, first)).toMatchObject({ outcome: 'applied', syncId: '1' })
  expect(await apply(pair, first)).toMatchObject({ outcome: 'already-applied', syncId: '1' })
  expect(await masterSync(pair.master.config, 1n)).toMatchObject({ outcome: 'registered', server: 'far' })
  await pair.master.query(`insert into t values (2, 'b'); delete from t where id = 1`)
  const second = await prepare(pair)
  await pair.master.query(`insert into t values (3, 'c')`)
  // Not confirmed, so it overlaps the second: harmless.
  const third = await prepare(pair)
  expect(await apply(pair, third)).toMatchObject({ outcome: 'applied', syncId: '3' })
  expect(await apply(pair, second)).toMatchObject({ outcome: 'already-applied', syncId: '3' })
  await pair.expectEqual('t')
  await masterSync(pair.master.config, 3n)
  await pair.master.query(`insert into t values (4, 'd')`)
  await prepare(pair)
  await masterSync(pair.master.config, 4n)
  await pair.master.query(`insert into t values (5, 'e')`)
  const fifth = await prepare(pair)
  // The fourth was confirmed without having been applied.
  await expect(apply(pair, fifth)).rejects.toMatchObject({ code: 'WRONG_SNAPSHOT' })
})

test('for another slave, from another master, for a table that is not filled', async () => {
  await using pair = await replicatedPair(DDL)
  await using second = await createDatabase()
  await second.query(DDL)
  await slaveInit(second.config)
  await slaveAddTables(second.config, { tables: ['t'] })
  await replicate(pair.master.config, second.config, { server: 'second' })
  await pair.master.query(`insert into t values (1, 'a')`)
  const forSecond = await prepare(pair, { server: 'second' })
  await expect(apply(pair, forSecond)).rejects.toMatchObject({ code: 'WRONG_SNAPSHOT' })
  await using foreign = await farPair()
  await foreign.master.query(`insert into t values (7, 'foreign')`)
  await confirmFirst(foreign)
  const changes = await prepare(foreign)
  await expect(apply(pair, changes)).rejects.toMatchObject({ code: 'WRONG_SNAPSHOT' })
  await pair.syncAndCompare('t')
})

/** Confirms a first file, so that the next one holds changes only. */
async function confirmFirst(foreign: Pair): Promise<void> {
  await prepare(foreign)
  await masterSync(foreign.master.config, 1n)
  await foreign.master.query(`insert into t values (8, 'change')`)
}

test('a table that the slave registered later is sent whole on request', async () => {
  await using pair = await farPair()
  await slaveRemoveTables(pair.slave.config, { tables: ['other'] })
  await pair.master.query(`insert into t values (1, 'a'); insert into other values (1)`)
  await apply(pair, await prepare(pair))
  await masterSync(pair.master.config, 1n)
  await slaveAddTables(pair.slave.config, { tables: ['other'] })
  await pair.master.query(`insert into other values (2)`)
  await expect(apply(pair, await prepare(pair))).rejects.toMatchObject({ code: 'WRONG_SNAPSHOT' })
  await apply(pair, await prepare(pair, { copy: ['other'] }))
  await pair.expectEqual('t', 'other')
})

test('the log waits for a slave that is fed by files', async () => {
  await using pair = await farPair()
  await pair.master.query(`insert into t values (1, 'a')`)
  await prepare(pair)
  expect(await cleanLog(pair.master.config, { syncId: 99n, backends })).toMatchObject({
    rows: 0,
    heldBy: [{ server: 'far' }],
  })
  await masterSync(pair.master.config, 1n)
  expect(await cleanLog(pair.master.config, { syncId: 99n, backends })).toMatchObject({ rows: 1, heldBy: [] })
})
