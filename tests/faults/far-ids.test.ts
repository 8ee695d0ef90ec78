import { cleanLog } from '@rserv/core'
import type { Server } from '@rserv/embedded'
import { startServer } from '@rserv/embedded'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'
import type { Resetwal } from '../support/resetwal.ts'
import { findResetwal, setNextXid } from '../support/resetwal.ts'

/** A page of the commit log holds so many: a server starts at the beginning of one without having it. */
const PAGE = 32_768

/** From the beginning to the next epoch, in steps that are shorter than 2^31; a few transactions before each edge. */
const JUMPS = [
  { name: '1.5 * 10^9', epoch: 0, xid: 45_776 * PAGE },
  { name: '2^31', epoch: 0, xid: 2 ** 31 - PAGE },
  { name: '3.2 * 10^9', epoch: 0, xid: 97_656 * PAGE },
  { name: '2^32', epoch: 0, xid: 2 ** 32 - PAGE },
]

/** What is frozen does not care which transaction ids come next. */
async function freeze(server: Server): Promise<void> {
  const client = new Client(server.config())
  await client.connect()
  await client.query('update pg_database set datallowconn = true')
  const { rows } = await client.query<{ datname: string }>('select datname from pg_database')
  await client.end()
  for (const { datname } of rows) {
    const one = new Client(server.config(datname))
    await one.connect()
    await one.query('vacuum freeze')
    await one.end()
  }
}

async function jump(server: Server, tool: Resetwal, to: (typeof JUMPS)[number]): Promise<void> {
  await freeze(server)
  await server.stop('fast', { keepFolder: true })
  setNextXid(tool, server.dataDir, to)
  await server.start()
}

/** Changes before and after the edge, in transactions of their own, and some that stay open meanwhile. */
async function crossEdge({ master }: Pair, round: number): Promise<() => Promise<void>> {
  const open = await master.connect()
  await open.query(
    `begin; insert into t values (${round * 100_000}, 'open before'); update t set v = v || '!' where id % 11 = 0`,
  )
  await master.query(`do $$ begin for i in 1..${PAGE + 100} loop
    if i % 300 = 0 then insert into t values (${round * 100_000} + i, 'r${round}'); else perform pg_current_xact_id(); end if;
    commit; end loop; end $$`)
  return async () => {
    await open.query('commit')
    await open.end()
  }
}

const tool = findResetwal()

test.skipIf(!tool)(
  `cases 38, 39: positions on both sides of 2^31 and 2^32 transaction ids${tool ? '' : ' (skipped: pg_resetwal is in no package of PostgreSQL here)'}`,
  { timeout: 300_000 },
  async () => {
    if (!tool) throw new Error('skipped')
    await using server = await startServer({ major: tool.major, settings: { fsync: 'off', autovacuum: 'off' } })
    await using pair = await replicatedPair('create table t (id int primary key, v text)', {
      servers: { master: server.config() },
    })
    const { master } = pair
    const seen: string[] = []
    for (const [index, to] of JUMPS.entries()) {
      await master.query(`insert into t values (${index + 1}, 'unsynced before ${to.name}')`)
      await jump(server, tool, to)
      await master.reconnect()
      await pair.syncAndCompare('t')
      const commit = await crossEdge(pair, index + 1)
      await pair.syncAndCompare('t')
      await commit()
      await master.query(`delete from t where id % 7 = 0; update t set v = 'after' where id % 5 = 0`)
      await pair.syncAndCompare('t')
      await cleanLog(master.config, { syncId: 1n << 62n, backends })
      const [left] = await master.query('select count(*)::int as rows from rserv.log_1')
      expect(left).toEqual({ rows: 0 })
      const [row] = await master.query<{ x: string }>('select pg_current_xact_id()::text as x')
      seen.push(row?.x ?? '')
    }
    expect(seen.map((xid) => Number(xid) > 2 ** 31)).toEqual([false, true, true, true])
    expect(Number(seen.at(-1))).toBeGreaterThan(2 ** 32)
  },
)
