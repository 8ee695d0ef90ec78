import { setTimeout as sleep } from 'node:timers/promises'
import { masterAddTables, masterInit, resync, slaveAddTables, slaveInit } from '@rserv/core'
import { expect, test } from 'vitest'
import { startFollowing } from './support/following.ts'
import type { Pair } from './support/pair.ts'
import { backends, createPair } from './support/pair.ts'

const ACCOUNTS = 60
const TOTAL = ACCOUNTS * 2 * 100
const DDL = `create table here (id int primary key, money int not null);
  create table there (id int primary key, money int not null, touched int not null default 0)`

/** The total in one snapshot, as an application would ask for it in that isolation level. */
const READS = {
  'read committed': [`select (select sum(money) from here) + (select sum(money) from there) as total`],
  'repeatable read': ['select sum(money) as total from here', 'select sum(money) as total from there'],
  serializable: ['select sum(money) as total from there', 'select sum(money) as total from here'],
}
type Level = keyof typeof READS

interface Until {
  over: boolean
}

/** Reads the slave until it is over; returns how often, and the totals that were seen. */
async function read(pair: Pair, level: Level, until: Until): Promise<{ reads: number; totals: Set<number> }> {
  const client = await pair.slave.connect()
  const totals = new Set<number>()
  let reads = 0
  while (!until.over) {
    await client.query(`begin isolation level ${level} read only`)
    let total = 0
    for (const sql of READS[level]) {
      const { rows } = await client.query<{ total: string | null }>(sql)
      total += Number(rows[0]?.total ?? 0)
      // Transfers come in between.
      await sleep(3)
    }
    await client.query('commit')
    totals.add(total)
    reads++
  }
  return { reads, totals }
}

/** Moves money within and between the tables, and accounts from one to the other, until it is over. */
async function move(pair: Pair, seed: number, until: Until): Promise<number> {
  const client = await pair.master.connect()
  let moves = 0
  for (let n = seed; !until.over; n += 7) {
    const [from, to] = [n % ACCOUNTS, (n * 13 + 5) % ACCOUNTS]
    const statements = [
      `update here set money = money - ${n % 9} where id = ${from}; update there set money = money + ${n % 9}, touched = ${n} where id = ${to}`,
      `update there set money = money - 5 where id = ${to}; update there set money = money + 5 where id = ${(to + 1) % ACCOUNTS}`,
      `with gone as (delete from here where id = ${1000 + from} returning money) insert into there select ${1000 + n}, money from gone`,
      `insert into here select ${1000 + from}, 1 where not exists (select from here where id = ${1000 + from});
        update here set money = money - 1 where id = (select id from here where id < ${ACCOUNTS} order by id limit 1)
        and exists (select from here where id = ${1000 + from} and xmin = pg_current_xact_id()::xid)`,
    ]
    try {
      // Each holds up a moment in the middle, and the total is only right at the end.
      await client.query('begin')
      for (const sql of (statements[n % statements.length] ?? '').split(';')) {
        await client.query(sql)
        await sleep(1)
      }
      await client.query('commit')
      moves++
    } catch (error) {
      await client.query('rollback')
      if (!['40P01', '23505'].includes((error as { code: string }).code)) throw error
    }
  }
  return moves
}

test('money moves on the master; readers of the slave never see a total that is off', async () => {
  await using pair = await createPair('money')
  await pair.master.query(`${DDL}; insert into here select i, 100 from generate_series(0, ${ACCOUNTS - 1}) i;
    insert into there select i, 100 from generate_series(0, ${ACCOUNTS - 1}) i`)
  await pair.slave.query(DDL)
  await masterInit(pair.master.config, { backends })
  await slaveInit(pair.slave.config)
  await masterAddTables(pair.master.config, { tables: ['here', 'there'], backends })
  await slaveAddTables(pair.slave.config, { tables: ['here', 'there'] })
  const until: Until = { over: false }
  const levels = Object.keys(READS) as Level[]
  const readers = levels.map((level) => read(pair, level, until))
  const movers = [1, 2, 3].map((seed) => move(pair, seed, until))
  const following = startFollowing(pair)
  try {
    for (let round = 0; round < 4; round++) {
      await sleep(1200)
      // A retry from the middle of whatever is being done.
      await pair.slave.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'rserv'`,
      )
    }
    await following.stop()
    // Copied anew beside the readers.
    await resync(pair.master.config, pair.slave.config, { backends })
    for (let round = 0; round < 3; round++) await pair.sync()
  } finally {
    until.over = true
  }
  const moves = await Promise.all(movers)
  for (const { reads, totals } of await Promise.all(readers)) {
    expect(reads).toBeGreaterThan(20)
    // Nothing before the first copy; then all of it.
    expect([...totals].filter((total) => total !== 0)).toEqual([TOTAL])
  }
  expect(Math.min(...moves)).toBeGreaterThan(20)
  expect(following.events.filter(({ kind }) => kind === 'applied').length).toBeGreaterThan(10)
  await pair.syncAndCompare('here', 'there')
})
