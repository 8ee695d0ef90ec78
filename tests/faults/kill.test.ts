import type { Point, ReplicateOptions } from '@rserv/core'
import {
  masterAddTables,
  masterInit,
  POINTS,
  replicate,
  slaveAddTables,
  slaveInit,
  slaveRemoveTables,
} from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { expectAsOf, installAudit } from '../support/audit.ts'
import type { Pair } from '../support/pair.ts'
import { backends, createPair } from '../support/pair.ts'
import type { Sides } from '../support/replicator.ts'
import { startReplicator } from '../support/replicator.ts'
import { settle } from '../support/settle.ts'
import { tally } from '../support/tally.ts'

const reachedSomewhere = new Set<Point>()

interface Scene {
  readonly pair: Pair
  readonly sides: Sides
  readonly tables: readonly string[]
  readonly options?: ReplicateOptions
  /** Gives the next run something to do in every way that the scene is about. */
  change(round: number): Promise<void>
}

/** Kills a replicator at every point that a run of the scene reaches. */
async function killEverywhere(scene: Scene): Promise<{ killed: number; rows: number }> {
  const { pair, sides, tables, options } = scene
  await replicate(sides.master, sides.slave)
  await scene.change(0)
  const whole = await startReplicator(sides, { options }).ended
  expect(whole).toMatchObject({ outcome: 'applied' })
  let rows = 0
  for (const [round, point] of whole.reached.entries()) {
    reachedSomewhere.add(point)
    await scene.change(round + 1)
    const { signal, reached } = await startReplicator(sides, { killAt: point, options }).ended
    expect({ point, signal, last: reached.at(-1) }).toEqual({ point, signal: 'SIGKILL', last: point })
    rows += await expectAsOf(pair.master, pair.slave, tables)
    await settle(() => replicate(sides.master, sides.slave))
    rows += await expectAsOf(pair.master, pair.slave, tables)
    await pair.expectEqual(...tables)
    expect(await pair.master.query('select sync_id from rserv.server')).toEqual(
      await pair.slave.query('select sync_id from rserv.slave_sync'),
    )
  }
  tally(`killed, tables ${tables.join(', ')}`, { 'points killed at': whole.reached.length, 'rows compared': rows })
  return { killed: whole.reached.length, rows }
}

async function setUp(pair: Pair, sides: Sides, { ddl, tables }: { ddl: string; tables: string[] }): Promise<void> {
  await masterInit(sides.master, { backends })
  await slaveInit(sides.slave)
  await pair.master.query(ddl)
  await installAudit(pair.master, tables)
  await masterAddTables(sides.master, { tables, backends })
  await slaveAddTables(sides.slave, { tables })
}

const DDL = `create table t (id int primary key, u int unique, v text); create table whole (id serial primary key, v text)`

test('case 159: killed at every point, with changes and a copy, nothing is lost', { timeout: 240_000 }, async () => {
  await using pair = await createPair('kill')
  const { master, slave } = pair
  const sides = { master: master.config, slave: slave.config }
  const tables = ['t', 'whole']
  await slave.query(DDL)
  await setUp(pair, sides, { ddl: DDL, tables })
  await master.query(`insert into t select i, i, 'first' from generate_series(1, 300) i`)
  const change = async (round: number): Promise<void> => {
    await master.query(`begin; update t set u = null where id % 7 = ${round % 7}; update t set u = id, v = 'r${round}' where u is null;
      delete from t where id = ${round + 1}; insert into t values (${1000 + round}, ${1000 + round}, 'new');
      update t set id = id + 5000 where id = ${100 + round}; insert into whole (v) values ('r${round}'); commit`)
    await slaveRemoveTables(slave.config, { tables: ['whole'] })
    await slaveAddTables(slave.config, { tables: ['whole'] })
  }
  const { killed, rows } = await killEverywhere({ pair, sides, tables, change })
  expect(killed).toBeGreaterThan(15)
  expect(rows).toBeGreaterThan(killed * 600)
})

test('case 159: killed at every point of copying tables apart, several at once', { timeout: 240_000 }, async () => {
  await using pair = await createPair('kill')
  const { master, slave } = pair
  const sides = { master: master.config, slave: slave.config }
  const tables = ['t', 'whole', 'other']
  const ddl = `${DDL}; create table other (id int primary key, t_id int references t)`
  await slave.query(ddl)
  await setUp(pair, sides, { ddl, tables })
  await master.query(`insert into t select i, i, 'first' from generate_series(1, 300) i; insert into other select i, i from generate_series(200, 300) i;
    insert into whole (v) select 'first' from generate_series(1, 100)`)
  const change = async (round: number): Promise<void> => {
    await master.query(`begin; update t set v = 'r${round}' where id % 7 = ${round % 7}; delete from t where id = ${round + 1};
      insert into whole (v) values ('r${round}'); update other set id = id + 1000 where id = ${200 + round}; commit`)
    await slaveRemoveTables(slave.config, { tables: ['whole', 'other'] })
    await slaveAddTables(slave.config, { tables: ['whole', 'other'] })
  }
  const options = { withinBytes: 0, jobs: 2 }
  const { killed } = await killEverywhere({ pair, sides, tables, change, options })
  expect(killed).toBeGreaterThan(20)
})

const LINKED = `create table a (id int primary key, b_id int); create table b (id int primary key, a_id int references a);
  alter table a add foreign key (b_id) references b; create table p (id int primary key, v text);
  create table c (id int primary key, p_id int references p on delete cascade)`

test('case 159: killed at every point of applying without session_replication_role', { timeout: 240_000 }, async () => {
  await using pair = await createPair('kill')
  const { master, slave } = pair
  await using role = await createRole('', [slave])
  const sides = { master: master.config, slave: { ...slave.config, user: role.name, password: role.password } }
  const tables = ['a', 'b', 'p', 'c']
  await slave.query(`${LINKED}; grant create, temporary on database "${slave.name}" to "${role.name}";
    ${tables.map((table) => `alter table ${table} owner to "${role.name}"`).join('; ')}`)
  await setUp(pair, sides, { ddl: LINKED, tables })
  await master.query(
    `insert into p select i, 'first' from generate_series(1, 100) i; insert into c select i, i from generate_series(1, 100) i`,
  )
  const change = async (round: number): Promise<void> => {
    await master.query(`begin; insert into a values (${round}, null); insert into b values (${round}, ${round});
      update a set b_id = ${round} where id = ${round}; update p set v = 'r${round}' where id % 5 = ${round % 5}; delete from p where id = ${round + 1}; commit`)
  }
  const { killed } = await killEverywhere({ pair, sides, tables, change })
  expect(killed).toBeGreaterThan(15)
})

test.each<Point>(['acknowledge.registered', 'transfer.durable', 'apply.position', 'apply.committed'])(
  'case 159: the very first run killed at %s',
  async (point) => {
    await using pair = await createPair('kill')
    const { master, slave } = pair
    const sides = { master: master.config, slave: slave.config }
    await slave.query(DDL)
    await setUp(pair, sides, { ddl: DDL, tables: ['t', 'whole'] })
    await master.query(`insert into t select i, i, 'first' from generate_series(1, 300) i`)
    expect(await startReplicator(sides, { killAt: point }).ended).toMatchObject({ signal: 'SIGKILL' })
    await expectAsOf(master, slave, ['t', 'whole'])
    await settle(() => pair.sync())
    await expectAsOf(master, slave, ['t', 'whole'])
    await pair.expectEqual('t', 'whole')
    expect(await master.query('select count(*)::int as n from rserv.server')).toEqual([{ n: 1 }])
  },
)

test.each<Point>(['copy.durable', 'copy.committed', 'apply.locked', 'apply.committed'])(
  'case 159: the very first run, which copies apart, killed at %s',
  async (point) => {
    await using pair = await createPair('kill')
    const { master, slave } = pair
    const sides = { master: master.config, slave: slave.config }
    await slave.query(DDL)
    await setUp(pair, sides, { ddl: DDL, tables: ['t', 'whole'] })
    await master.query(`insert into t select i, i, 'first' from generate_series(1, 300) i`)
    const options = { withinBytes: 0, jobs: 2 }
    expect(await startReplicator(sides, { killAt: point, options }).ended).toMatchObject({ signal: 'SIGKILL' })
    await expectAsOf(master, slave, ['t', 'whole'])
    await master.query(`update t set v = 'later' where id % 3 = 0; insert into whole (v) values ('later')`)
    await settle(() => replicate(sides.master, sides.slave, options))
    await expectAsOf(master, slave, ['t', 'whole'])
    await pair.expectEqual('t', 'whole')
    expect(await master.query('select * from rserv.copy')).toEqual([])
  },
)

test('every point that the program knows was reached, and killed at', () => {
  expect([...reachedSomewhere].toSorted()).toEqual([...POINTS].toSorted())
})
