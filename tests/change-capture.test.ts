import type { BackendResolver, Granularity, TriggerBackend } from '@rserv/core'
import { cleanLog, masterAddTables, slaveAddTables, status } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { sharedPlv8Server, WITHOUT_PLV8 } from '@rserv/test-utils/plv8'
import { backend as plpgsql } from '@rserv/trigger-plpgsql'
import { backend as plv8 } from '@rserv/trigger-plv8'
import { describe, expect, test } from 'vitest'
import type { Pair } from './support/pair.ts'
import { replicatedPair } from './support/pair.ts'

/** The same capture under another name, with names of functions and triggers of its own. */
const other: TriggerBackend = {
  ...plpgsql,
  name: 'other',
  createFunctions: (table) => plpgsql.createFunctions(table).map(rename),
  createTriggers: (table) => plpgsql.createTriggers(table).map(rename),
  remove: (table) => plpgsql.remove(table).map(rename),
}

function rename(sql: string): string {
  return sql.replaceAll('"capture_', '"other_').replaceAll('"rserv_', '"zz_other_')
}

const backends = async (name: string): Promise<TriggerBackend> => (name === 'other' ? other : plpgsql)

async function write(database: TestDatabase, writer: number, until: () => boolean): Promise<number> {
  const client = await database.connect()
  let done = 0
  while (!until()) {
    const id = writer * 1_000_000 + done
    await client.query(`begin; insert into t values (${id}, 0); update t set v = v + 1 where id = ${id}; commit`)
    if (done % 3 === 0) await client.query(`update t set id = -id where id = ${id}`)
    if (done % 5 === 0) await client.query(`delete from t where id = ${id - 2}`)
    done++
  }
  return done
}

interface Change {
  readonly backend: string
  readonly granularity?: Granularity
}

/** Goes through the changes three times while three clients write. */
async function changeUnderWrites(pair: Pair, changes: readonly Change[], resolve: BackendResolver): Promise<void> {
  let stop = false
  const writers = [1, 2, 3].map((writer) => write(pair.master, writer, () => stop))
  for (let round = 0; round < 3; round++) {
    for (const change of changes) {
      const { tables } = await masterAddTables(pair.master.config, { tables: ['t'], backends: resolve, ...change })
      expect(tables).toMatchObject([{ outcome: 'changed', backend: change.backend }])
    }
    await pair.sync()
  }
  stop = true
  const written = await Promise.all(writers)
  expect(Math.min(...written)).toBeGreaterThan(10)
  await pair.syncAndCompare('t')
}

const T = 'create table t (id bigint primary key, v int)'

test('a live table changes its backend and granularity under concurrent writes, and no change is lost', async () => {
  await using pair = await replicatedPair(T)
  const changes: readonly Change[] = [
    { backend: 'other' },
    { backend: 'plpgsql', granularity: 'row' },
    { backend: 'other', granularity: 'row' },
    { backend: 'plpgsql' },
  ]
  await changeUnderWrites(pair, changes, backends)
  expect((await status(pair.master.config)).tables).toMatchObject([{ backend: 'plpgsql', granularity: 'statement' }])
  const left = `select count(*)::int as n from pg_proc where proname like 'other%'`
  expect(await pair.master.query(left)).toEqual([{ n: 0 }])
})

const plv8Server = sharedPlv8Server()
const resolve: BackendResolver = async (name) => (name === 'plv8' ? plv8 : plpgsql)

describe.skipIf(!plv8Server)(`on real PLV8${plv8Server ? '' : ` (${WITHOUT_PLV8})`}`, () => {
  test('a live table goes to PLV8 and back under concurrent writes, and no change is lost', async () => {
    await using pair = await replicatedPair(T, { servers: plv8Server ? { master: plv8Server } : {} })
    await pair.master.query('create extension plv8')
    const changes: readonly Change[] = [
      { backend: 'plv8' },
      { backend: 'plpgsql', granularity: 'row' },
      { backend: 'plv8', granularity: 'row' },
      { backend: 'plpgsql' },
    ]
    await changeUnderWrites(pair, changes, resolve)
  })

  test('tables of one master have backends of their own, and a log of each is cleaned', async () => {
    await using pair = await replicatedPair(`${T}; create table u (id text primary key)`, {
      tables: ['u'],
      servers: plv8Server ? { master: plv8Server } : {},
    })
    await pair.master.query('create extension plv8')
    await masterAddTables(pair.master.config, { tables: ['t'], backends: resolve, backend: 'plv8' })
    await slaveAddTables(pair.slave.config, { tables: ['t'] })
    for (let round = 1; round <= 3; round++) {
      await pair.master.query(`insert into t values (${round}, 1); insert into u values ('${round}')`)
      await pair.syncAndCompare('t', 'u')
      await cleanLog(pair.master.config, { olderThanSeconds: 0, backends: resolve })
    }
    await pair.master.query('update t set v = 2; delete from u')
    await pair.syncAndCompare('t', 'u')
  })
})

test('what a table has already is not changed; another key is refused', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, u int not null unique)')
  const add = (options: object): Promise<unknown> =>
    masterAddTables(pair.master.config, { tables: ['t'], backends, ...options })
  expect(await add({})).toMatchObject({ tables: [{ outcome: 'already-captured' }] })
  expect(await add({ backend: 'plpgsql' })).toMatchObject({ tables: [{ outcome: 'already-captured' }] })
  expect(await add({ granularity: 'row', dryRun: true })).toMatchObject({
    tables: [{ outcome: 'dry-run', sql: expect.stringContaining('drop trigger') }],
  })
  await expect(add({ keyColumns: ['u'] })).rejects.toMatchObject({ code: 'ALREADY_DIFFERENT' })
  await pair.master.query('drop table t; create table t (id int primary key, u int not null unique)')
  await expect(add({})).rejects.toMatchObject({ code: 'ALREADY_DIFFERENT' })
})
