import type { FollowEvent } from '@rserv/core'
import { resync } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { findings } from '../support/checking.ts'
import { startFollowing } from '../support/following.ts'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'

const DDL = `create table good (id int primary key, v text); create table bad (id int primary key, v text);
  create table worse (id int primary key, v text)`

interface Poison {
  readonly name: string
  readonly spoil: (pair: Pair) => Promise<unknown>
  readonly mend: (pair: Pair) => Promise<unknown>
  /** Code or SQLSTATE that status tells. */
  readonly code: string
}

const POISONS: readonly Poison[] = [
  {
    name: 'cases 139, 146: a row that a constraint of the slave refuses',
    spoil: ({ slave }) => slave.query(`alter table bad add constraint short check (length(v) < 5)`),
    mend: ({ slave }) => slave.query('alter table bad drop constraint short'),
    code: '23514',
  },
  {
    name: 'case 146: a row whose value twice breaks a unique index of the slave',
    spoil: ({ slave }) => slave.query('create unique index only_here on bad ((1)) where id > 1000'),
    mend: ({ slave }) => slave.query('drop index only_here'),
    code: '23505',
  },
  {
    name: 'case 148: a table that the slave has lost',
    spoil: ({ slave }) => slave.query('alter table bad rename to away'),
    mend: ({ slave }) => slave.query('alter table away rename to bad'),
    code: 'NO_SUCH_TABLE',
  },
  {
    name: 'case 75: a table whose capture is disabled',
    spoil: ({ master }) => master.query('alter table bad disable trigger all'),
    mend: async ({ master, slave }) => {
      await master.query('alter table bad enable trigger all')
      await resync(master.config, slave.config, { tables: ['bad'], backends })
    },
    code: 'CAPTURE_BROKEN',
  },
]

/** Waits for an event of the kind, whatever comes before. */
async function parkedTable(events: { next(kind: 'parked'): Promise<FollowEvent> }): Promise<unknown> {
  const event = await events.next('parked')
  return event.kind === 'parked' ? event.error.table : event
}

/** Transfers are tried again after a while. */
const soon = <T>(ask: () => T) => expect.poll(ask, { timeout: 20_000 })

async function rowsOf(database: TestDatabase, table: string): Promise<unknown[]> {
  return database.query(`select * from ${table} order by id`)
}

test.each(POISONS.map((poison) => [poison.name, poison] as const))(
  '%s: it is parked and named, the others go on, and it comes back whole',
  async (_, { spoil, mend, code }) => {
    await using pair = await replicatedPair(DDL)
    const { master, slave } = pair
    await master.query(`insert into bad values (1, 'old'), (2, 'old'); insert into good values (1, 'old')`)
    await pair.sync()
    await spoil(pair)
    const following = startFollowing(pair, { parkedRetryMs: 300 })
    await master.query(
      `insert into bad select i, 'too long' from generate_series(1001, 1003) i; delete from bad where id = 1; insert into good values (2, 'new')`,
    )
    expect(await parkedTable(following)).toEqual({ schema: 'public', name: 'bad' })
    await soon(() => rowsOf(slave, 'good')).toHaveLength(2)
    await master.query(
      `insert into good values (3, 'newer'); update bad set v = 'still too long'; truncate worse; insert into worse values (1)`,
    )
    await soon(() => rowsOf(slave, 'good')).toHaveLength(3)
    await soon(() => rowsOf(slave, 'worse')).toHaveLength(1)
    const state = `select parked_code from rserv.slave_table where table_name = 'bad'`
    expect(await slave.query(state)).toEqual([{ parked_code: code }])
    await mend(pair)
    await soon(() => slave.query(state)).toEqual([{ parked_code: null }])
    await master.query(`insert into bad values (2000, 'on'); insert into good values (4, 'on')`)
    await soon(() => rowsOf(slave, 'bad')).toHaveLength(5)
    await following.stop()
    await pair.syncAndCompare('good', 'bad', 'worse')
  },
)

test('case 120: a right that the role loses on one column parks that table only, and check says what to grant', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await using role = await createRole('', [master])
  const reader = { ...master.config, user: role.name, password: role.password }
  await master.query(`grant usage on schema rserv, public to "${role.name}"; grant all on all tables in schema rserv to "${role.name}";
    grant all on all sequences in schema rserv to "${role.name}"; grant select on good, bad, worse to "${role.name}"`)
  const following = startFollowing({ master: { config: reader }, slave }, { parkedRetryMs: 300 })
  await master.query(`insert into bad values (1, 'a'); insert into good values (1, 'a')`)
  await soon(() => rowsOf(slave, 'bad')).toHaveLength(1)
  await master.query(
    `revoke select on bad from "${role.name}"; grant select (id) on bad to "${role.name}"; insert into bad values (2, 'b'); insert into good values (2, 'b')`,
  )
  expect(await parkedTable(following)).toEqual({ schema: 'public', name: 'bad' })
  await soon(() => rowsOf(slave, 'good')).toHaveLength(2)
  expect(await rowsOf(slave, 'bad')).toHaveLength(1)
  const found = await findings({ ...pair, master: { ...master, config: reader } })
  const problems = found.filter(({ severity }) => severity === 'problem')
  expect(problems.map(({ code, table }) => [code, table?.name])).toEqual([
    ['privilege', 'bad'],
    ['parked', 'bad'],
  ])
  await master.query(`grant select on bad to "${role.name}"`)
  await soon(() => rowsOf(slave, 'bad')).toHaveLength(2)
  await following.stop()
  await pair.syncAndCompare('good', 'bad')
})

test('case 146: two parked tables do not keep each other out', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await slave.query('alter table bad add check (id < 100); alter table worse add check (id < 100)')
  const following = startFollowing(pair, { parkedRetryMs: 200 })
  await master.query('insert into bad values (100); insert into worse values (100); insert into good values (1)')
  await soon(() => rowsOf(slave, 'good')).toHaveLength(1)
  await slave.query('alter table worse drop constraint worse_id_check')
  await soon(() => rowsOf(slave, 'worse')).toHaveLength(1)
  expect(await rowsOf(slave, 'bad')).toEqual([])
  await slave.query('alter table bad drop constraint bad_id_check')
  await soon(() => rowsOf(slave, 'bad')).toHaveLength(1)
  await following.stop()
  await pair.syncAndCompare('good', 'bad', 'worse')
})
