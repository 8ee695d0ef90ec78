// What it costs a slave to keep a log: the same transfers, by a pair without and one with it. Milliseconds, the median of
// five. Run: node scripts/keep-log-cost.mjs
import {
  keepLog,
  masterAddTables,
  masterInit,
  replicate,
  slaveAddTables,
  slaveInit,
} from '../packages/core/dist/index.js'
import { startServer } from '../packages/embedded/dist/index.js'
import { backend } from '../packages/trigger-plpgsql/dist/index.js'
import pg from 'pg'

const ROUNDS = 5
const DDL = `create table t (id bigint primary key, a text, b text, c int, at timestamptz default now())`
const WORK = [
  ['one row', 'update t set c = c + 1 where id = 1'],
  ['1,000 rows', 'update t set c = c + 1 where id <= 1000'],
  ['100,000 rows', 'update t set c = c + 1 where id <= 100000'],
]
const backends = async () => backend

const server = await startServer({ major: 18, settings: { max_wal_size: '4GB' } })
const config = (database) => ({ ...server.config(), database })

async function query(database, sql) {
  const client = new pg.Client(config(database))
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function pair(name, keeps) {
  const [master, slave] = [`${name}_m`, `${name}_s`]
  for (const database of [master, slave]) {
    await query('postgres', `create database ${database}`)
    await query(database, DDL)
  }
  await masterInit(config(master), { backends })
  await slaveInit(config(slave))
  await masterAddTables(config(master), { tables: ['t'], backends })
  await slaveAddTables(config(slave), { tables: ['t'] })
  if (keeps) await keepLog(config(slave), { backends })
  await query(master, `insert into t select i, repeat('a', 40), repeat('b', 40), 0 from generate_series(1, 300000) i`)
  const copied = await replicate(config(master), config(slave))
  return { master, slave, copyMs: copied.elapsedMs }
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

async function measure(pairs, sql) {
  const times = pairs.map(() => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { master, slave }] of pairs.entries()) {
      await query(master, sql)
      await query(slave, 'checkpoint')
      const { elapsedMs } = await replicate(config(master), config(slave))
      times[index].push(elapsedMs)
    }
  }
  return times.map(median)
}

async function run() {
  const pairs = [await pair('plain', false), await pair('keeping', true)]
  console.log(`copy of 300,000 rows: ${pairs.map(({ copyMs }) => `${copyMs} ms`).join(' without, ')} with the log`)
  for (const [name, sql] of WORK) {
    const [without, withLog] = await measure(pairs, sql)
    console.log(`${name}: ${without} ms without, ${withLog} ms with the log`)
  }
  const bytes = 'pg_total_relation_size($$rserv.log_1$$)::bigint / (select count(*) from rserv.log_1)'
  const [size] = await query('keeping_s', `select ${bytes} as bytes`)
  console.log(`${size.bytes} bytes of log a key`)
}

try {
  await run()
} finally {
  await server.stop('fast')
}
