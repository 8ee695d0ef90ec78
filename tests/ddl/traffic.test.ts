import { ddl, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import { compareTable, createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { startFollowing } from '../support/following.ts'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'
import { settle } from '../support/settle.ts'

const T = `create table t (id int primary key, v text, n int); create table other (id int primary key, v text);
  create table done (name text)`

/** Writes both tables from two connections until it is told to stop. Columns come and go under it. */
async function traffic(pair: Pair): Promise<() => Promise<number>> {
  const stopped = new AbortController()
  const writer = async (offset: number): Promise<number> => {
    const client = await pair.master.connect()
    let written = 0
    for (; !stopped.signal.aborted; written++) {
      const id = offset + (written % 50)
      await client.query(
        `begin; insert into t (id, v) values (${id}, '${written}') on conflict (id) do update set v = excluded.v;
          delete from t where id = ${offset + ((written * 7) % 50)};
          insert into other values (${id}, '${written}') on conflict (id) do update set v = excluded.v; commit`,
      )
    }
    return written
  }
  const writers = [writer(0), writer(1000)]
  return async () => {
    stopped.abort()
    const counts = await Promise.all(writers)
    return counts.reduce((sum, count) => sum + count, 0)
  }
}

test(
  'scripts under traffic: a slave that is followed, one that is named and one that is away never go past them',
  { timeout: 300_000 },
  async () => {
    await using pair = await replicatedPair(T, { tables: ['t', 'other'] })
    const { master, slave } = pair
    await using named = await createDatabase({ label: 'ddl_named', server: slave.config })
    await using away = await createDatabase({ label: 'ddl_away', server: slave.config })
    for (const database of [named, away]) {
      await database.query(T)
      await slaveInit(database.config)
      await slaveAddTables(database.config, { tables: ['t', 'other'] })
      await replicate(master.config, database.config)
    }
    const following = startFollowing(pair)
    await following.next('in-sync')
    const stop = await traffic(pair)
    const scripts = [1, 2, 3, 4, 5].map(
      (
        n,
      ) => `alter table t add c${n} int default ${n}; insert into done values ('${n}'); update t set n = ${n} where id % 5 = ${n};
      ${n === 3 ? 'alter table other alter v type varchar(30)' : 'alter table other alter v set storage external'}`,
    )
    for (const script of scripts) {
      const result = await ddl(master.config, [slave.config, named.config], { script, backends, attempts: 300 })
      expect(result.slaves).toMatchObject([{ outcome: 'done' }, { outcome: 'done' }])
    }
    expect(await stop()).toBeGreaterThan(scripts.length)
    await following.stop()
    expect(following.events.filter(({ kind }) => kind === 'failed' || kind === 'parked')).toEqual([])
    await settle(() => replicate(master.config, slave.config))
    await replicate(master.config, named.config)
    expect((await replicate(master.config, away.config)).scripts).toEqual(['1', '2', '3', '4', '5'])
    for (const database of [slave, named, away]) {
      for (const table of ['t', 'other', 'done']) {
        expect(await compareTable(master, database, table)).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
      }
      expect(await database.query('select ddl_id::int from rserv.slave_ddl order by 1')).toEqual(
        scripts.map((_, index) => ({ ddl_id: index + 1 })),
      )
    }
  },
)

const BY_HAND = [
  ['nullable', 'add column a int'],
  ['with a default', 'add column a int not null default 7'],
] as const

test.each(BY_HAND)(
  'case 128: a column %s is added by hand under traffic, the slave first: replicate and follow go on',
  async (_what, action) => {
    await using pair = await replicatedPair(T, { tables: ['t', 'other'] })
    const following = startFollowing(pair)
    await following.next('in-sync')
    const stop = await traffic(pair)
    await following.next('applied')
    await pair.slave.query(`alter table t ${action}`)
    await following.next('applied')
    await pair.master.query(`set lock_timeout = '20s'; alter table t ${action}`)
    await pair.master.query(`insert into t (id, a) values (-1, 42)`)
    await stop()
    await following.next('in-sync')
    await following.stop()
    expect(following.events.filter(({ kind }) => kind === 'failed' || kind === 'parked')).toEqual([])
    await settle(() => pair.syncAndCompare('t', 'other'))
    expect(await pair.slave.query('select a from t where id = -1')).toEqual([{ a: 42 }])
  },
)

test.each(BY_HAND)(
  'case 128: a column %s is added by hand under traffic, the master first: follow says so, and goes on',
  async (_what, action) => {
    await using pair = await replicatedPair(T, { tables: ['t', 'other'] })
    const following = startFollowing(pair)
    await following.next('in-sync')
    const stop = await traffic(pair)
    await following.next('applied')
    await pair.master.query(`set lock_timeout = '20s'; alter table t ${action}`)
    await pair.master.query(`insert into t (id, a) values (-1, 42)`)
    expect(await following.next('parked')).toMatchObject({ error: { code: 'TABLE_MISMATCH', table: { name: 't' } } })
    await following.next('applied')
    await pair.slave.query(`alter table t ${action}`)
    while (!(await isBack(pair))) await following.next('applied')
    await stop()
    await following.stop()
    await settle(() => pair.syncAndCompare('t', 'other'))
    expect(await pair.slave.query('select a from t where id = -1')).toEqual([{ a: 42 }])
  },
)

async function isBack(pair: Pair): Promise<boolean> {
  const [row] = await pair.slave.query(
    `select parked_at is null and state = 'synced' as back from rserv.slave_table where table_name = 't'`,
  )
  return row?.['back'] === true
}

test('case 128: replicate from cron tells of a column that the slave lacks, and goes on when it is there', async () => {
  await using pair = await replicatedPair(T, { tables: ['t', 'other'] })
  const stop = await traffic(pair)
  await pair.sync()
  await pair.master.query(
    `set lock_timeout = '20s'; alter table t add column a int; insert into t (id, a) values (-1, 42)`,
  )
  await expect(pair.sync()).rejects.toMatchObject({
    code: 'TABLE_MISMATCH',
    message: expect.stringContaining('column a'),
  })
  await pair.slave.query('alter table t add column a int')
  await pair.sync()
  await pair.slave.query('alter table other add column b text')
  await pair.sync()
  await pair.master.query(
    `set lock_timeout = '20s'; alter table other add column b text; insert into other (id, b) values (-1, 'b')`,
  )
  await stop()
  const result = await pair.syncAndCompare('t', 'other')
  expect(result.tables.filter(({ mode }) => mode === 'copy')).toEqual([])
})
