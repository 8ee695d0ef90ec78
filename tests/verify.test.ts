import type { VerifiedTable, VerifyOptions, VerifyResult } from '@rserv/core'
import { cleanLog, verify } from '@rserv/core'
import { expect, test } from 'vitest'
import type { Pair } from './support/pair.ts'
import { backends, replicatedPair } from './support/pair.ts'
import { startWriter } from './support/writer.ts'

const DDL = `create table t (id int primary key, v text, n numeric, u int unique);
  create table pair (a text, b int, v text, primary key (a, b));
  create table parted (id int primary key, v text) partition by range (id);
  create table parted_1 partition of parted for values from (0) to (500);
  create table parted_2 partition of parted for values from (500) to (5000)`
const FILL = `insert into t select i, 'v' || i, i / 7.0, i from generate_series(1, 2000) i;
  insert into pair select 'k' || i, i, 'v' from generate_series(1, 1000) i;
  insert into parted select i, 'v' from generate_series(1, 1000) i`
const TABLES = ['pair', 'parted', 't']

const check = (pair: Pair, options: VerifyOptions = {}): Promise<VerifyResult> =>
  verify(pair.master.config, pair.slave.config, options)

async function filled(): Promise<Pair> {
  const pair = await replicatedPair(DDL, { tables: TABLES })
  await pair.master.query(FILL)
  await pair.sync()
  return pair
}

const one = (result: VerifyResult, name: string): VerifiedTable | undefined =>
  result.tables.find(({ table }) => table.name === name)

/** Damage to a slave, and what is found: table, missing, extra, different. */
const DAMAGE: readonly (readonly [string, string, string, number, number, number])[] = [
  ['a deleted row', 'delete from t where id = 5', 't', 1, 0, 0],
  ['an added row', `insert into t values (9999, 'extra', 1, 9999)`, 't', 0, 1, 0],
  ['a changed value', `update t set v = 'x' where id = 6`, 't', 0, 0, 1],
  ['a value that became NULL', 'update t set v = null where id = 7', 't', 0, 0, 1],
  ['a value that became empty', `update t set v = '' where id = 8`, 't', 0, 0, 1],
  ['a number with more digits', 'update t set n = n + 0.00000000000000000001 where id = 9', 't', 0, 0, 1],
  ['a number with another scale', `update t set n = 1.00 where id = 7`, 't', 0, 0, 1],
  ['a changed key', 'update t set id = -1 where id = 10', 't', 1, 1, 0],
  [
    'values that changed places',
    `update t set u = null where id = 11; update t set u = 11 where id = 12; update t set u = 12 where id = 11`,
    't',
    0,
    0,
    2,
  ],
  [
    'a unique value of another row',
    'delete from t where id = 13; insert into t values (7777, null, null, 13)',
    't',
    1,
    1,
    0,
  ],
  [
    'keys that changed places',
    `update t set id = -id where id in (14, 15); update t set id = 29 + id where id < 0`,
    't',
    0,
    0,
    2,
  ],
  [
    'rows without triggers',
    `set session_replication_role = replica; delete from t where id < 50; reset session_replication_role`,
    't',
    49,
    0,
    0,
  ],
  ['TRUNCATE', 'truncate t', 't', 2000, 0, 0],
  ['a composite key moved', `update pair set a = 'moved', b = -3 where b = 3`, 'pair', 1, 1, 0],
  ['a whole column', `update pair set v = 'all'`, 'pair', 0, 0, 1000],
  [
    'rows written into a partition',
    `insert into parted_2 values (4000, 'x'); delete from parted_1 where id = 1`,
    'parted',
    1,
    1,
    0,
  ],
  ['a row that went to another partition', 'update parted set id = 4999 where id = 2', 'parted', 1, 1, 0],
  ['a partition emptied', 'truncate parted_1', 'parted', 499, 0, 0],
  [
    'a partition dropped',
    'drop table parted_2; create table parted_2 partition of parted default',
    'parted',
    501,
    0,
    0,
  ],
  ['a column retyped in place', `alter table t alter v type text using upper(v)`, 't', 0, 0, 2000],
  [
    'a column dropped and added',
    `alter table pair drop v; alter table pair add v text default 'd'`,
    'pair',
    0,
    0,
    1000,
  ],
]

test('every damage that SQL allows is found, by its keys, and repaired; nothing else is touched', async () => {
  await using pair = await filled()
  for (const [what, sql, name, missing, extra, different] of DAMAGE) {
    await pair.slave.query(sql)
    const result = await check(pair)
    const found = one(result, name)
    expect({ what, ...found }).toMatchObject({ what, missing, extra, different, error: null, pending: 0 })
    expect(found?.keys).toHaveLength(Math.min(100, missing + extra + different))
    const others = result.tables.filter((other) => other !== found)
    expect({ what, others: others.map(({ outcome }) => outcome) }).toEqual({ what, others: ['equal', 'equal'] })
    const repair = await check(pair, { tables: [name], repair: true })
    const [repaired] = repair.tables
    expect(repaired).toMatchObject({ outcome: 'different', repaired: true })
    // Just these keys travel; or the table, of which the slave has nothing.
    expect(repair.transfer?.tables).toMatchObject([
      { table: { name }, mode: what === 'TRUNCATE' ? 'copy' : 'changes', written: missing + different, deleted: extra },
    ])
    await pair.expectEqual(...TABLES)
    expect((await check(pair)).tables.map(({ outcome }) => outcome)).toEqual(['equal', 'equal', 'equal'])
  }
})

test('keys are named, ordered, up to the limit', async () => {
  await using pair = await filled()
  await pair.slave.query(
    `delete from pair where b in (2, 10); update pair set v = 'x' where b = 3; insert into pair values ('z', 1, '')`,
  )
  const result = await check(pair, { tables: ['pair'] })
  expect(result.tables[0]?.keys).toEqual([
    { kind: 'extra', key: ['z', '1'] },
    { kind: 'missing', key: ['k2', '2'] },
    { kind: 'different', key: ['k3', '3'] },
    { kind: 'missing', key: ['k10', '10'] },
  ])
  const limited = await check(pair, { tables: ['pair'], limit: 1 })
  expect(limited.tables[0]).toMatchObject({ missing: 2, extra: 1, different: 1 })
  expect(limited.tables[0]?.keys).toHaveLength(1)
})

test('what the master changed since is no difference, also where the slave was damaged there', async () => {
  await using pair = await filled()
  await pair.master.query(
    `update t set v = 'new' where id <= 10; delete from t where id = 20; insert into t values (3000, 'n', 1, 3000); update t set id = 5000 where id = 30`,
  )
  await pair.slave.query(
    `delete from t where id = 1; update t set v = 'x' where id = 20; update t set v = 'x' where id = 40`,
  )
  const result = await check(pair, { tables: ['t'] })
  expect(result.tables).toMatchObject([
    {
      outcome: 'different',
      pending: 14,
      missing: 0,
      extra: 0,
      different: 1,
      keys: [{ kind: 'different', key: ['40'] }],
    },
  ])
  await pair.sync()
  expect((await check(pair, { tables: ['t'] })).tables).toMatchObject([
    { outcome: 'different', pending: 0, different: 1 },
  ])
  await check(pair, { tables: ['t'], repair: true })
  await pair.expectEqual('t')
  await pair.master.query(`truncate t; insert into t values (1, 'again', 1, 1)`)
  expect((await check(pair, { tables: ['t'] })).tables).toMatchObject([{ outcome: 'copied-next', rows: 0 }])
})

test('writes that went around the capture are found and brought over', async () => {
  await using pair = await filled()
  await pair.master
    .query(`set session_replication_role = replica; delete from t where id = 1; update t set v = 'unseen' where id = 2; insert into t values (6000, 'unseen', 1, 6000); reset session_replication_role;
    alter table parted alter v type text using v || '!'`)
  const result = await check(pair, { repair: true })
  expect(one(result, 't')).toMatchObject({ missing: 1, extra: 1, different: 1, repaired: true })
  expect(one(result, 'parted')).toMatchObject({ different: 1000, repaired: true })
  expect(one(result, 'pair')).toMatchObject({ outcome: 'equal', repaired: false })
  await pair.expectEqual(...TABLES)
})

test('under load, with transfers and cleaning beside it: no false alarm, every damage found and repaired', async () => {
  await using pair = await filled()
  await using writer = await startWriter(
    pair.master,
    (
      n,
    ) => `update t set v = 'w${n}', u = null where id = ${1001 + (n % 900)}; delete from t where id = ${2000 + n - 40};
      insert into t values (${2000 + n}, 'i', ${n}, null); update pair set b = b + 10000 where b = ${500 + (n % 400)};
      update parted set v = v || '.' where id = ${(n % 1000) + 1}`,
  )
  const stop = new AbortController()
  const replicating = (async () => {
    while (!stop.signal.aborted) {
      await pair.sync().catch((error: { code?: string }) => {
        if (error.code !== 'BUSY') throw error
      })
      await cleanLog(pair.master.config, { olderThanSeconds: 0, backends })
    }
  })()
  replicating.catch(() => undefined)
  for (let round = 0; round < 4; round++) {
    const quiet = await check(pair)
    expect(
      quiet.tables.map(({ outcome }) => outcome),
      JSON.stringify(quiet.tables),
    ).toEqual(['equal', 'equal', 'equal'])
    await pair.slave
      .query(`delete from t where id between 100 and 109; update t set v = 'damaged' where id between 200 and 204;
      insert into t values (-7, 'extra', 0, null); delete from pair where b = 7`)
    const found = await check(pair, { repair: true })
    expect(one(found, 't')).toMatchObject({ missing: 10, extra: 1, different: 5, repaired: true })
    expect(one(found, 'pair')).toMatchObject({ missing: 1, extra: 0, different: 0 })
    // A replicator that was at work had read its keys before the repair gave out its own.
    if (found.transfer === null) await waitForSync(pair)
  }
  stop.abort()
  await replicating
  await writer.stop()
  await pair.syncAndCompare(...TABLES)
  expect((await check(pair)).tables.map(({ outcome, pending }) => [outcome, pending])).toEqual([
    ['equal', 0],
    ['equal', 0],
    ['equal', 0],
  ])
})

/** Two transfers that end after now: the second one began after now. */
async function waitForSync(pair: Pair): Promise<void> {
  const now = async (): Promise<bigint> => {
    const [row] = await pair.slave.query<{ sync_id: string }>('select sync_id from rserv.slave_sync')
    return BigInt(row?.sync_id ?? 0)
  }
  const [row] = await pair.master.query<{ id: string }>(`select last_value as id from rserv.sync_id_seq`)
  while ((await now()) <= BigInt(row?.id ?? 0)) await new Promise((resolve) => setTimeout(resolve, 20))
}
