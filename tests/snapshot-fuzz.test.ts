import { Readable, Writable } from 'node:stream'
import { applySnapshot, masterAddTables, masterInit, prepareSnapshot, slaveAddTables, slaveInit } from '@rserv/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { pack, unpack } from './support/pack.ts'
import type { Pair } from './support/pair.ts'
import { backends, createPair } from './support/pair.ts'

const DDL = `create table t (id int primary key, v text, n numeric); create table "odd name" (a text, b int, primary key (a, b))`
const SEED = Number(process.env['RSERV_FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const RUNS = Number(process.env['RSERV_FUZZ_RUNS'] ?? 150)

async function prepare(pair: Pair): Promise<Buffer> {
  const chunks: Buffer[] = []
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  await prepareSnapshot(pair.master.config, output, { server: 'far' })
  return Buffer.concat(chunks)
}

/** What may happen to a file; positions are shares of its length. */
type Damage =
  | { how: 'bit'; at: number; bit: number }
  | { how: 'cut'; at: number }
  | { how: 'insert'; at: number; bytes: Uint8Array }
  | { how: 'remove' | 'repeat' | 'zero'; at: number; length: number }
  | { how: 'exchange'; at: number; other: number; length: number }

const at = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })
const length = fc.integer({ min: 1, max: 64 })
const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ how: fc.constant('bit' as const), at, bit: fc.nat({ max: 7 }) }) },
  { weight: 2, arbitrary: fc.record({ how: fc.constant('cut' as const), at }) },
  {
    weight: 2,
    arbitrary: fc.record({
      how: fc.constant('insert' as const),
      at,
      bytes: fc.uint8Array({ minLength: 1, maxLength: 32 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ how: fc.constantFrom('remove' as const, 'repeat', 'zero'), at, length }) },
  { weight: 2, arbitrary: fc.record({ how: fc.constant('exchange' as const), at, other: at, length }) },
)

function harm(file: Buffer, what: Damage): Buffer {
  const from = Math.floor(what.at * file.length)
  const before = file.subarray(0, from)
  if (what.how === 'cut') return before
  if (what.how === 'insert') return Buffer.concat([before, what.bytes, file.subarray(from)])
  if (what.how === 'bit') {
    const copy = Buffer.from(file)
    copy[from] = (copy[from] ?? 0) ^ (1 << what.bit)
    return copy
  }
  return harmPiece(file, from, what)
}

function harmPiece(file: Buffer, from: number, what: Extract<Damage, { length: number }>): Buffer {
  const before = file.subarray(0, from)
  const piece = file.subarray(from, from + what.length)
  const after = file.subarray(from + what.length)
  if (what.how === 'remove') return Buffer.concat([before, after])
  if (what.how === 'repeat') return Buffer.concat([before, piece, piece, after])
  if (what.how !== 'exchange') return Buffer.concat([before, Buffer.alloc(piece.length), after])
  const copy = Buffer.from(file)
  const to = Math.floor(what.other * Math.max(1, file.length - piece.length))
  file.copy(copy, from, to, to + piece.length)
  copy.set(piece, to)
  return copy
}

test(
  `case 163: no damaged file is applied, packed or unpacked (RSERV_FUZZ_SEED=${SEED})`,
  { timeout: 300_000 },
  async () => {
    await using pair = await createPair('fuzz')
    for (const database of [pair.master, pair.slave]) await database.query(DDL)
    await masterInit(pair.master.config, { backends })
    await slaveInit(pair.slave.config)
    await masterAddTables(pair.master.config, { tables: [], all: true, backends })
    await slaveAddTables(pair.slave.config, { tables: [], all: true })
    await pair.master.query(`insert into t select i, md5(i::text), i / 7.0 from generate_series(1, 40) i;
    insert into "odd name" select 'k' || i, i from generate_series(1, 20) i`)
    const file = await prepare(pair)
    const plain = unpack(file)
    const state = async (): Promise<unknown> =>
      pair.slave.query(`select (select count(*)::int from t) as t, (select count(*)::int from "odd name") as o,
      (select count(*)::int from rserv.slave_sync) as position`)
    let refused = 0
    const codes = new Set<string>()
    const refuses = async (what: Damage, packed: boolean): Promise<void> => {
      const original = packed ? file : plain
      const harmed = harm(original, what)
      if (harmed.equals(original)) return
      const sent = packed ? harmed : pack(harmed)
      const pieces = Readable.from([sent], { objectMode: false })
      const outcome = await applySnapshot(pair.slave.config, pieces).then(
        (done) => ({ code: 'APPLIED', done }),
        (error: { code?: string }) => ({ code: error.code ?? String(error) }),
      )
      codes.add(outcome.code)
      expect(outcome).toMatchObject({ code: expect.stringMatching(/^(BAD_SNAPSHOT|WRONG_SNAPSHOT)$/) })
      expect(await state()).toEqual([{ t: 0, o: 0, position: 0 }])
      refused++
    }
    // Every bit of the ends, which hold what unpacking itself does not need.
    for (const byte of [...Array(14).keys(), ...Array.from({ length: 44 }, (_, index) => file.length - 1 - index)]) {
      for (let bit = 0; bit < 8; bit++) await refuses({ how: 'bit', at: (byte + 0.5) / file.length, bit }, true)
    }
    await fc.assert(fc.asyncProperty(damage, fc.boolean(), refuses), { seed: SEED, numRuns: RUNS })
    process.stdout.write(`${refused} damaged files refused: ${[...codes].toSorted().join(', ')}\n`)
    expect(refused).toBeGreaterThan(RUNS / 2)
    await applySnapshot(pair.slave.config, Readable.from([file], { objectMode: false }))
    await pair.expectEqual('t', '"odd name"')
  },
)
