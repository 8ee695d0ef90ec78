import { check, masterAddSequences, masterRemoveSequences, replicate, status } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test, vi } from 'vitest'
import { startFollowing } from './support/following.ts'
import type { Pair } from './support/pair.ts'
import { backends, replicatedPair } from './support/pair.ts'

/** Two tables that share a sequence which neither owns, and one that no table uses. */
const DDL = `create sequence shared; create sequence "Odd seq"; create sequence downwards increment -5;
  create table a (id int primary key default nextval('shared'), v text);
  create table b (id int primary key default nextval('shared') * 10, n int not null default nextval('"Odd seq"'));
  create table s (id serial primary key)`

const WAIT = { timeout: 60_000, interval: 50 }
const NAMES = ['shared', '"Odd seq"', 'downwards', 's_id_seq']

async function expectSame(pair: Pair, names = NAMES): Promise<void> {
  for (const name of names) {
    const sql = `select last_value, is_called from ${name}`
    expect(await pair.slave.query(sql), name).toEqual(await pair.master.query(sql))
  }
}

test('case 176: sequences that columns use without owning them, or nobody uses, follow with rows', async () => {
  await using pair = await replicatedPair(DDL)
  await masterAddSequences(pair.master.config, { sequences: ['downwards'] })
  await pair.master
    .query(`insert into a (v) values ('x'), ('y'); insert into b default values; insert into s default values;
    select nextval('downwards'), nextval('downwards')`)
  await pair.syncAndCompare('a', 'b', 's')
  await expectSame(pair)
  await pair.slave.query(`select setval('shared', 1000), setval('downwards', -1000)`)
  await pair.master.query(`insert into a (v) values ('z'); select nextval('downwards')`)
  await pair.syncAndCompare('a')
  expect(await pair.slave.query(`select nextval('shared')::int as s, nextval('downwards')::int as d`)).toEqual([
    { s: 1001, d: -1005 },
  ])
})

test('case 176: a sequence that was used without a change of rows keeps up with replicate', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  await masterAddSequences(master.config, { sequences: ['downwards'] })
  await master.query('insert into a (v) select 1; insert into s default values; insert into b default values')
  await pair.sync()
  const before = await slave.query('select sync_id from rserv.slave_sync')
  await master.query(NAMES.map((name) => `select nextval('${name}') from generate_series(1, 40)`).join(';'))
  const { findings } = await check(master.config, [slave.config], { backends })
  expect(findings.map(({ code }) => code)).toEqual(NAMES.map(() => 'sequence-behind').concat('sequence-behind'))
  expect((await pair.sync()).outcome).toBe('in-sync')
  await expectSame(pair)
  expect(await slave.query('select sync_id from rserv.slave_sync')).toEqual(before)
  await master.query(`select nextval('s_id_seq'); insert into a (v) values ('x')`)
  await pair.sync()
  await expectSame(pair)
})

test('case 176: while a slave is followed all sequences keep up: with rows at once, without them soon', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await masterAddSequences(master.config, { sequences: ['downwards'] })
  const following = startFollowing(pair)
  await following.next('in-sync')
  for (let round = 0; round < 5; round++) {
    await master.query(
      `select nextval('downwards'); insert into a (v) values ('${round}'); insert into b default values`,
    )
    await following.next('applied')
    await vi.waitFor(() => expectSame(pair), WAIT)
  }
  expect(following.points.filter((point) => point === 'changes.planned').length).toBeLessThan(8)
  await master.query(NAMES.map((name) => `select nextval('${name}') from generate_series(1, 40)`).join(';'))
  await vi.waitFor(() => expectSame(pair), WAIT)
  await following.stop()
})

test('sequences are registered by names and patterns, and removed; bad names are refused', async () => {
  await using pair = await replicatedPair(
    `${DDL}; create schema billing; create sequence billing.one; create sequence billing.two`,
  )
  const { master, slave } = pair
  const add = (...sequences: string[]) => masterAddSequences(master.config, { sequences })
  expect((await add('billing.*', '"Odd seq"')).sequences.map(({ outcome }) => outcome)).toEqual([
    'added',
    'added',
    'added',
  ])
  expect((await add('billing.one')).sequences).toEqual([
    { sequence: { schema: 'billing', name: 'one' }, outcome: 'already-added' },
  ])
  await expect(add('nothing')).rejects.toMatchObject({ code: 'NO_SUCH_SEQUENCE' })
  await expect(add('a')).rejects.toMatchObject({ code: 'NO_SUCH_SEQUENCE' })
  await expect(masterRemoveSequences(master.config, { sequences: ['s_id_seq'] })).rejects.toMatchObject({
    code: 'NOT_REPLICATED',
    message: expect.stringContaining('sequence'),
  })
  await masterRemoveSequences(master.config, { sequences: ['billing.t*'] })
  await master.query(`select nextval('billing.one'), nextval('billing.two'); drop sequence shared cascade`)
  await pair.sync()
  await expectSame(pair, ['billing.one'])
  expect(await slave.query('select is_called from billing.two')).toEqual([{ is_called: false }])
  await slave.query('drop sequence billing.one')
  await master.query(`select nextval('billing.one')`)
  await pair.sync()
  const { findings } = await check(master.config, [slave.config], { backends })
  expect(findings.filter(({ code }) => code === 'sequence-missing')).toMatchObject([{ side: 'slave' }])
})

test('a sequence that the role may not read or set is named', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await using role = await createRole('', [master])
  await master.query(
    `grant usage on schema rserv to "${role.name}"; grant select on all tables in schema rserv to "${role.name}"`,
  )
  const as = { ...master.config, user: role.name, password: role.password }
  await expect(masterAddSequences(as, { sequences: ['shared'] })).rejects.toMatchObject({ code: 'PRIVILEGE' })
  await master.query('insert into a (v) values (1)')
  await expect(replicate(as, pair.slave.config)).rejects.toMatchObject({ code: 'PRIVILEGE' })
  expect((await status(master.config)).tables).toHaveLength(3)
})
