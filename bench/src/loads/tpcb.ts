import pg from 'pg'
import type { Database } from '../database.ts'
import { findProgram, libpq, runProgram } from '../programs.ts'

/** The tables of pgbench; history has a key here, which replication needs. */
export const TPCB_TABLES = ['pgbench_branches', 'pgbench_tellers', 'pgbench_accounts', 'pgbench_history']

export function createTpcb(scale: number): string {
  return `
    create table pgbench_branches (bid int primary key, bbalance int, filler char(88)) with (fillfactor = 100);
    create table pgbench_tellers (tid int primary key, bid int, tbalance int, filler char(84)) with (fillfactor = 100);
    create table pgbench_accounts (aid int primary key, bid int, abalance int, filler char(84)) with (fillfactor = 100);
    create table pgbench_history (id bigint generated always as identity primary key, tid int, bid int, aid int,
      delta int, mtime timestamp, filler char(22));
    insert into pgbench_branches select i, 0, '' from generate_series(1, ${scale}) i;
    insert into pgbench_tellers select i, (i - 1) / 10 + 1, 0, '' from generate_series(1, ${scale * 10}) i;
    insert into pgbench_accounts select i, (i - 1) / 100000 + 1, 0, '' from generate_series(1, ${scale * 100_000}) i;`
}

export interface TpcbLoad {
  readonly scale: number
  readonly clients: number
  /** Either of them. */
  readonly seconds?: number
  readonly transactions?: number
  /** Off where only the backlog matters, not the time that it takes to make. */
  readonly durable: boolean
  /** Transactions a second; as many as possible where it is left out. */
  readonly rate?: number
}

export interface TpcbResult {
  /** Transactions a second. */
  readonly tps: number
  readonly transactions: number
}

/** Runs pgbench's TPC-B, with pgbench where there is one. */
export async function runTpcb(database: Database, load: TpcbLoad): Promise<TpcbResult> {
  const pgbench = findProgram('pgbench')
  return pgbench ? withPgbench(pgbench, database, load) : withNode(database, load)
}

async function withPgbench(pgbench: string, database: Database, load: TpcbLoad): Promise<TpcbResult> {
  const { clients, seconds, transactions, rate, durable } = load
  const amount = seconds === undefined ? ['-t', String(Math.ceil((transactions ?? 1) / clients))] : ['-T', `${seconds}`]
  const args = ['-n', '-c', `${clients}`, '-j', '1', ...amount, ...(rate ? ['-R', `${rate}`] : [])]
  const protocol = durable ? [] : ['-M', 'prepared']
  const env = { ...libpq(database), ...(durable ? {} : { PGOPTIONS: '-c synchronous_commit=off' }) }
  const out = await runProgram(pgbench, [...args, ...protocol], env)
  const tps = Number(/tps = ([\d.]+)/.exec(out)?.[1])
  const done = Number(/actually processed: (\d+)/.exec(out)?.[1])
  return { tps, transactions: done }
}

/** The same script from Node, for machines without pgbench. */
async function withNode(database: Database, load: TpcbLoad): Promise<TpcbResult> {
  const started = performance.now()
  const until = load.seconds === undefined ? Infinity : started + load.seconds * 1000
  const each = load.transactions === undefined ? Infinity : Math.ceil(load.transactions / load.clients)
  const counts = await Promise.all(Array.from({ length: load.clients }, () => oneClient(database, load, until, each)))
  const transactions = counts.reduce((sum, count) => sum + count, 0)
  return { tps: transactions / ((performance.now() - started) / 1000), transactions }
}

async function oneClient(database: Database, load: TpcbLoad, until: number, count: number): Promise<number> {
  const client = new pg.Client(database.config)
  await client.connect()
  if (!load.durable) await client.query('set synchronous_commit = off')
  const pause = load.rate ? (1000 * load.clients) / load.rate : 0
  const started = performance.now()
  let done = 0
  while (done < count && performance.now() < until) {
    await transaction(client, load.scale)
    done++
    const ahead = pause * done - (performance.now() - started)
    if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead))
  }
  await client.end()
  return done
}

function random(below: number): number {
  return 1 + Math.floor(Math.random() * below)
}

async function transaction(client: pg.Client, scale: number): Promise<void> {
  const [aid, bid, tid] = [random(100_000 * scale), random(scale), random(10 * scale)]
  const delta = random(10_001) - 5001
  await client.query('begin')
  await client.query(`update pgbench_accounts set abalance = abalance + ${delta} where aid = ${aid}`)
  await client.query(`select abalance from pgbench_accounts where aid = ${aid}`)
  await client.query(`update pgbench_tellers set tbalance = tbalance + ${delta} where tid = ${tid}`)
  await client.query(`update pgbench_branches set bbalance = bbalance + ${delta} where bid = ${bid}`)
  await client.query(
    `insert into pgbench_history (tid, bid, aid, delta, mtime) values (${tid}, ${bid}, ${aid}, ${delta}, current_timestamp)`,
  )
  await client.query('end')
}
