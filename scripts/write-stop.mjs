// How long a switchover stops writes: two nodes that change places again and again, under 500 transactions a second that
// follow the master. Run: node scripts/write-stop.mjs [rounds]
import {
  keepLog,
  masterAddTables,
  masterInit,
  replicate,
  slaveAddTables,
  slaveInit,
  switchover,
} from '../packages/core/dist/index.js'
import { startServer } from '../packages/embedded/dist/index.js'
import { backend } from '../packages/trigger-plpgsql/dist/index.js'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const ROUNDS = Number(process.argv[2] ?? 10)
const WRITERS = 10
const A_SECOND = 500
const DDL = `create table t (id int primary key, v int not null default 0); create table log (id bigserial primary key, t int, at timestamptz default now());
  insert into t select i from generate_series(1, 10000) i`
const backends = async () => backend

// Two servers, as two machines would be.
const servers = [await startServer({ major: 18 }), await startServer({ major: 18 })]
const nodes = servers.map((server) => ({ ...server.config(), database: 'shop' }))
let current = 0
const figures = { committed: 0, refused: 0, longestGap: 0, lastCommit: 0 }

async function query(config, sql) {
  const client = new pg.Client(config)
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

async function setUp() {
  for (const [index, server] of servers.entries()) {
    await query(server.config(), 'create database shop')
    await query(nodes[index], DDL)
  }
  const [master, slave] = nodes
  await masterInit(master, { backends })
  await slaveInit(slave)
  await masterAddTables(master, { tables: [], all: true, backends })
  await slaveAddTables(slave, { tables: [], all: true })
  await keepLog(slave, { backends })
  await replicate(master, slave)
}

/** Writes at a steady rate to whoever is the master; what is refused is tried again, as an application would. */
async function write(clients, stop) {
  while (!stop.aborted) {
    const started = performance.now()
    const client = clients[current]
    try {
      const id = 1 + Math.floor(Math.random() * 10000)
      await client.query(`begin; update t set v = v + 1 where id = ${id}; insert into log (t) values (${id}); commit`)
      const now = performance.now()
      figures.longestGap = Math.max(figures.longestGap, now - figures.lastCommit)
      figures.lastCommit = now
      figures.committed++
    } catch (error) {
      if (error.code !== '25006') throw error
      figures.refused++
      await client.query('rollback')
      await sleep(5)
      continue
    }
    await sleep(Math.max(0, (1000 * WRITERS) / A_SECOND - (performance.now() - started)))
  }
}

async function connect() {
  const clients = nodes.map((node) => new pg.Client(node))
  for (const client of clients) await client.connect()
  return clients
}

async function run() {
  await setUp()
  const stop = new AbortController()
  const clients = await Promise.all(Array.from({ length: WRITERS }, connect))
  figures.lastCommit = performance.now()
  const began = performance.now()
  const writers = clients.map((own) => write(own, stop.signal))
  const stops = []
  for (let round = 0; round < ROUNDS; round++) {
    await sleep(3000)
    figures.longestGap = 0
    const [master, slave] = [nodes[current], nodes[1 - current]]
    const onPromoted = async () => {
      current = 1 - current
    }
    const { writeStopMs } = await switchover(master, slave, { onPromoted })
    await sleep(100)
    stops.push({ writeStopMs, longestGapMs: Math.round(figures.longestGap) })
    console.log(
      `writes stopped for ${writeStopMs} ms; longest time between two commits ${Math.round(figures.longestGap)} ms`,
    )
  }
  stop.abort()
  await Promise.all(writers)
  const seconds = (performance.now() - began) / 1000
  await replicate(nodes[current], nodes[1 - current])
  const rows = await Promise.all(
    nodes.map((node) => query(node, 'select count(*)::int as n, (select sum(v)::int from t) as v from log')),
  )
  console.log(
    `${Math.round(figures.committed / seconds)} transactions a second, ${figures.refused} refused and tried again`,
  )
  console.log(
    `committed ${figures.committed}; found on both nodes: ${rows.map(([{ n, v }]) => `${n} and ${v}`).join('; ')}`,
  )
  const sorted = stops.map((one) => one.writeStopMs).toSorted((a, b) => a - b)
  console.log(
    `stop of writes: median ${sorted[Math.floor(sorted.length / 2)]} ms, most ${sorted.at(-1)} ms, ${ROUNDS} switchovers`,
  )
  await Promise.all(clients.flat().map((client) => client.end()))
}

try {
  await run()
} finally {
  for (const server of servers) await server.stop('fast')
}
