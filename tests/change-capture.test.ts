import type { TriggerBackend } from '@rserv/core'
import { masterAddTables, status } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { backend as plpgsql } from '@rserv/trigger-plpgsql'
import { expect, test } from 'vitest'
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

test('a live table changes its backend and granularity under concurrent writes, and no change is lost', async () => {
  await using pair = await replicatedPair('create table t (id bigint primary key, v int)')
  let stop = false
  const writers = [1, 2, 3].map((writer) => write(pair.master, writer, () => stop))
  const changes = [
    { backend: 'other' },
    { backend: 'plpgsql', granularity: 'row' },
    { backend: 'other', granularity: 'row' },
    { backend: 'plpgsql' },
  ] as const
  for (let round = 0; round < 3; round++) {
    for (const change of changes) {
      const { tables } = await masterAddTables(pair.master.config, { tables: ['t'], backends, ...change })
      expect(tables).toMatchObject([{ outcome: 'changed', backend: change.backend }])
    }
    await pair.sync()
  }
  stop = true
  const written = await Promise.all(writers)
  expect(Math.min(...written)).toBeGreaterThan(10)
  await pair.syncAndCompare('t')
  expect((await status(pair.master.config)).tables).toMatchObject([{ backend: 'plpgsql', granularity: 'statement' }])
  const left = `select count(*)::int as n from pg_proc where proname like 'other%'`
  expect(await pair.master.query(left)).toEqual([{ n: 0 }])
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
