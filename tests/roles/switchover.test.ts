import { promote, reapply, rejoin, rehearseSwitchover, replicate, switchover, undoSwitchover } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { createCluster, expectSame } from './cluster.ts'

const DDL = `create table t (id serial primary key, v text);
  create table child (id int primary key, t int references t, v text);
  create table parted (id int primary key, v text) partition by range (id);
  create table parted_1 partition of parted for values from (0) to (1000)`
const TABLES = ['t', 'child', 'parted']

async function write(master: TestDatabase, what: string): Promise<void> {
  await master.query(`insert into t (v) select '${what}' from generate_series(1, 5);
    update t set v = v || '+' where id % 3 = 0;
    insert into child select max(id), max(id), '${what}' from t;
    insert into parted select max(id), '${what}' from t; delete from parted where id % 2 = 0`)
}

test('case 178: a switchover and back: nothing echoed, nothing lost, nothing copied, sequences go on, others follow', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master } = cluster
  const [slave, other] = cluster.slaves as [TestDatabase, TestDatabase]
  await write(master, 'first')
  await replicate(master.config, other.config)
  await write(master, 'second')
  // Given out, and nothing else changed.
  await master.query(`select nextval('t_id_seq') from generate_series(1, 7)`)
  const rehearsal = await rehearseSwitchover(master.config, slave.config, { others: [other.config] })
  expect(rehearsal).toEqual({ obstacles: [], writeStopMs: expect.any(Number) })
  await write(master, 'after the rehearsal')
  const result = await switchover(master.config, slave.config, { others: [other.config] })
  expect(result).toMatchObject({ outcome: 'switched', generation: 2, writeStopMs: expect.any(Number) })
  expect(result.followers.map(({ error, result: done }) => [error, done?.copied])).toEqual([
    [null, []],
    [null, []],
  ])
  for (const one of [master, other]) await expectSame(slave, one, TABLES)
  await expect(master.query(`insert into t (v) values ('no')`)).rejects.toMatchObject({ code: '25006' })
  const [next] = await slave.query<{ id: number }>(`insert into t (v) values ('new') returning id`)
  expect(next?.id).toBeGreaterThan(22)
  await write(slave, 'by the new master')
  for (const one of [master, other]) {
    const done = await replicate(slave.config, one.config)
    expect(done.tables.every(({ mode }) => mode === 'changes')).toBe(true)
    await expectSame(slave, one, TABLES)
  }
  // Nothing comes back from where it went: what was applied there is in that node's own log, too.
  for (const one of [master, other]) {
    await expect(replicate(slave.config, one.config)).resolves.toMatchObject({ outcome: 'in-sync' })
  }
  // And back.
  const back = await switchover(slave.config, master.config, { others: [other.config] })
  expect(back).toMatchObject({ generation: 3, followers: [{ error: null }, { error: null }] })
  expect(back.followers.flatMap(({ result: done }) => done?.copied)).toEqual([])
  await write(master, 'at home again')
  for (const one of [slave, other]) {
    await replicate(master.config, one.config)
    await expectSame(master, one, TABLES)
  }
})

test('case 175: a transaction that does not end makes it give up; everybody can write, nothing has changed', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [slave] = cluster.slaves as [TestDatabase]
  await write(master, 'first')
  const writer = await master.connect()
  await writer.query(`begin; update t set v = 'open' where id = 1`)
  await expect(switchover(master.config, slave.config, { timeLimitMs: 1000 })).rejects.toMatchObject({
    code: 'LOCK_TIMEOUT',
    message: expect.stringMatching(/did not end in time: process \d+/),
  })
  await master.query(`insert into t (v) values ('still')`)
  await writer.query('commit')
  await writer.end()
  await expect(slave.query('delete from t')).rejects.toMatchObject({ code: '25006' })
  await replicate(master.config, slave.config)
  await expectSame(master, slave, TABLES)
  await expect(switchover(master.config, slave.config)).resolves.toMatchObject({ outcome: 'switched' })
})

test('an interrupted switchover is undone, or completed, whatever it had done', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master } = cluster
  const [slave, other] = cluster.slaves as [TestDatabase, TestDatabase]
  await write(master, 'first')
  const points = [
    'roles.fenced',
    'roles.last-transfer',
    'roles.sequences',
    'roles.promoted',
    'roles.handed-over',
    'roles.adopted',
  ]
  const stopAt = async (point: string): Promise<void> => {
    const stop = new AbortController()
    const onEvent = (event: { point?: string }): void => {
      if (event.point === point) stop.abort()
    }
    const options = { others: [other.config], signal: stop.signal, onEvent }
    const failure = await switchover(master.config, slave.config, options).catch((error: unknown) => error)
    expect(stop.signal.aborted, `${point}: ${String(failure)}`).toBe(true)
    expect(failure).toBeInstanceOf(Error)
  }
  for (const point of points.slice(0, 3)) {
    await stopAt(point)
    await expect(undoSwitchover(master.config, slave.config)).resolves.toEqual({ master: master.name })
    await write(master, `after ${point}`)
  }
  await stopAt('roles.promoted')
  await expect(undoSwitchover(master.config, slave.config)).rejects.toMatchObject({ code: 'NOT_READY' })
  await stopAt('roles.handed-over')
  await stopAt('roles.adopted')
  const result = await switchover(master.config, slave.config, { others: [other.config] })
  expect(result).toMatchObject({ outcome: 'completed', generation: 2, writeStopMs: null })
  expect(result.followers.flatMap(({ result: done }) => done?.copied)).toEqual([])
  await write(slave, 'by the new master')
  for (const one of [master, other]) {
    await replicate(slave.config, one.config)
    await expectSame(slave, one, TABLES)
  }
})

/** Every row of a table as JSON text. */
async function rowsOf(database: TestDatabase, table: string): Promise<string[]> {
  const rows = await database.query<{ line: string }>(`select to_json(x)::text as line from ${table} x order by 1`)
  return rows.map(({ line }) => line)
}

test('cases 174, 177: split brain: the winner has its rows everywhere, the report has all of the loser, and nothing is missing', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master: old } = cluster
  const [winner, ahead] = cluster.slaves as [TestDatabase, TestDatabase]
  await write(old, 'common')
  await replicate(old.config, winner.config)
  await replicate(old.config, ahead.config)
  await write(old, 'one slave is ahead')
  await replicate(old.config, ahead.config)
  await old.query(`update t set v = 'only the old master' where id = 1; delete from t where id = 4;
    insert into parted values (501, 'both')`)
  await expect(promote(winner.config, { others: [ahead.config] })).rejects.toMatchObject({
    code: 'NOT_READY',
    hint: expect.stringContaining(ahead.name),
  })
  const promoted = await promote(winner.config, { others: [ahead.config], anyway: true, sequenceMargin: 100 })
  expect(promoted).toMatchObject({ generation: 2, followers: [{ error: null, result: { copied: [] } }] })
  await expectSame(winner, ahead, TABLES)
  // Both are written while they do not know of each other.
  await write(winner, 'winner')
  await write(old, 'loser')
  await winner.query(`update t set v = 'winner too' where id = 1; insert into parted values (501, 'BOTH')`)
  const loser = new Map<string, string[]>()
  for (const table of TABLES) loser.set(table, await rowsOf(old, table))
  await expect(replicate(old.config, ahead.config)).rejects.toMatchObject({ code: 'OLD_GENERATION' })
  const file = new PassThrough()
  const lines = text(file)
  const result = await rejoin(old.config, winner.config, { report: file })
  file.end()
  expect(result).toMatchObject({ copied: [], transfer: { outcome: 'applied' } })
  for (const one of [old, ahead]) {
    await replicate(winner.config, one.config)
    await expectSame(winner, one, TABLES)
  }
  // Every row that the loser had is the winner's, or in the report.
  const reported = (await lines)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ReportLine)
  expect(reported).toHaveLength(result.report.rows)
  const kept = await winner.query<{ table: string; line: string }>(
    `select table_name as table, old_row::text as line from rserv.rejoin_row where old_row is not null`,
  )
  for (const table of TABLES) {
    const now = await rowsOf(winner, table)
    const saved = kept.filter((one) => one.table === table).map(({ line }) => line)
    for (const line of loser.get(table) ?? []) expect([...now, ...saved], table).toContain(line)
  }
  const find = (table: string, id: number): ReportLine | undefined =>
    reported.find((one) => one.table === table && one.key.id === id)
  expect(find('t', 1)).toMatchObject({ kind: 'differs', old: { v: 'only the old master' }, new: { v: 'winner too' } })
  expect(find('t', 4)).toMatchObject({ kind: 'deleted-by-old', old: null, new: { v: 'common' } })
  expect(find('parted', 501)).toMatchObject({ kind: 'differs', old: { v: 'both' }, new: { v: 'BOTH' } })
  expect(reported.filter(({ kind }) => kind === 'only-old').length).toBeGreaterThan(5)
  // And can be had back.
  await reapply(winner.config, { table: 't' })
  await reapply(winner.config, { kinds: ['differs'], table: 't' })
  const [first] = await winner.query('select v from t where id = 1')
  expect(first).toEqual({ v: 'only the old master' })
  expect(await reapply(winner.config, { table: 't' })).toMatchObject({ tables: [] })
  for (const one of [old, ahead]) {
    await replicate(winner.config, one.config)
    await expectSame(winner, one, TABLES)
  }
})

interface ReportLine {
  readonly table: string
  readonly kind: string
  readonly key: { readonly id: number }
  readonly old: { readonly v: string } | null
  readonly new: { readonly v: string } | null
}
