import { check, resync } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { expectCodes } from '../support/checking.ts'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'

const T = 'create table t (id int primary key, v text)'

/** Expects one finding, does what it says on the slave, and expects that nothing is left. */
async function findAndFix(pair: Pair, ddl: string, code: Parameters<typeof expectCodes>[1][number]): Promise<void> {
  await pair.slave.query(ddl)
  const [found] = await expectCodes(pair, [code])
  expect(found).toMatchObject({ side: 'slave', database: pair.slave.name })
  await pair.slave.query(found?.fix ?? '')
  await expectCodes(pair, [])
}

test('schema drift: columns and types, each with the statement that mends it', async () => {
  await using pair = await replicatedPair(T)
  await findAndFix(pair, 'alter table t drop v', 'column-missing')
  await findAndFix(pair, 'alter table t alter v type varchar(10)', 'column-type')
  await pair.slave.query('alter table t add w int not null')
  const [notNull] = await expectCodes(pair, ['column-not-null'])
  await pair.slave.query(notNull?.fix ?? '')
  await expectCodes(pair, ['column-extra'])
  await pair.slave.query(`alter table t drop w, drop v, add v text generated always as ('x') stored`)
  const [generated] = await expectCodes(pair, ['column-generated'])
  await pair.slave.query(generated?.fix ?? '')
  await pair.slave.query('alter table t add mine int')
  await expectCodes(pair, ['column-extra'])
})

test('the slave has no such table, or no key index', async () => {
  await using pair = await replicatedPair(T)
  await findAndFix(pair, 'alter table t drop constraint t_pkey', 'slave-key-missing')
  await pair.slave.query('alter table t alter id drop not null')
  const [found] = await expectCodes(pair, ['slave-key-missing'])
  await pair.slave.query(found?.fix ?? '')
  await expectCodes(pair, [])
  await pair.slave.query('drop table t')
  await expectCodes(pair, ['slave-table-missing'])
})

test('unlogged on the slave; triggers and rules that run for what arrives', async () => {
  await using pair = await replicatedPair(T)
  await findAndFix(pair, 'alter table t set unlogged', 'slave-unlogged')
  await pair.slave.query(`create function swallow() returns trigger language plpgsql as 'begin return null; end';
    create trigger swallow before insert on t for each row execute function swallow()`)
  await expectCodes(pair, [])
  await findAndFix(pair, 'alter table t enable always trigger swallow', 'slave-trigger')
  await findAndFix(pair, 'alter table t enable replica trigger swallow', 'slave-trigger')
  await pair.slave.query('create rule r as on insert to t do also nothing')
  await findAndFix(pair, 'alter table t enable always rule r', 'slave-trigger')
})

test('registration: another key, a copy to come, a position that the log or the master does not have', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  await slave.query(`update rserv.slave_table set key_columns = '{v}'`)
  await expectCodes(pair, ['other-key'])
  await slave.query(`update rserv.slave_table set key_columns = '{id}'`)
  await resync(master.config, slave.config, { tables: ['t'], backends })
  await expectCodes(pair, ['copy-pending'])
  await pair.sync()
  await expectCodes(pair, [])
  await master.query('update rserv.replicated_table set log_start = pg_current_snapshot()')
  const [gap] = await expectCodes(pair, ['log-gap'])
  expect(gap?.fix).toBe(`rserv resync ${master.name} ${slave.name} public.t`)
  await resync(master.config, slave.config, { tables: ['t'], backends })
  await pair.sync()
  await slave.query('update rserv.slave_sync set sync_id = 1000')
  const [unknown] = await expectCodes(pair, ['position-unknown'])
  expect(unknown?.fix).toContain(`rserv resync ${master.name} ${slave.name}`)
})

test('sequences: behind, and missing', async () => {
  await using pair = await replicatedPair('create table t (id serial primary key)')
  await pair.master.query(`select nextval('t_id_seq') from generate_series(1, 5)`)
  const [behind] = await expectCodes(pair, ['sequence-behind'])
  await pair.slave.query(behind?.fix ?? '')
  await expectCodes(pair, [])
  await pair.slave.query('alter table t alter id drop default; drop sequence t_id_seq')
  await expectCodes(pair, ['sequence-missing'])
})

test('privileges on both sides, and row-level security on the slave', async () => {
  await using pair = await replicatedPair('create table t (id serial primary key, v text)')
  const { master, slave } = pair
  await using role = await createRole('', [master, slave])
  const repl = `"${role.name}"`
  for (const database of [master, slave]) {
    await database.query(`grant usage on schema rserv to ${repl}; revoke temporary on database "${database.name}" from public;
      grant select on all tables in schema rserv to ${repl}; grant select on all sequences in schema rserv to ${repl}; revoke usage on schema public from public`)
  }
  const as = { user: role.name, password: role.password }
  const look = async (): Promise<string[]> => {
    const result = await check({ ...master.config, ...as }, [{ ...slave.config, ...as }], { backends })
    return result.findings.map(({ code, side, fix }) => `${side} ${code}: ${fix}`)
  }
  const grants: string[] = []
  // Each round tells what is lacking now; in the end nothing is.
  for (;;) {
    const lacking = (await look()).filter((line) => line.includes(' privilege: GRANT'))
    if (lacking.length === 0) break
    for (const line of lacking) {
      const [, side, statement] = /^(\w+) privilege: (.*)$/.exec(line) ?? []
      grants.push(`${side} ${statement?.replace(/ TO .*/, '')}`)
      await (side === 'master' ? master : slave).query(statement ?? '')
    }
  }
  expect(grants.toSorted()).toEqual([
    'master GRANT SELECT ON "public"."t"',
    'master GRANT SELECT ON SEQUENCE "public"."t_id_seq"',
    'master GRANT USAGE ON SCHEMA "public"',
    'slave GRANT SELECT, INSERT, UPDATE, DELETE ON "public"."t"',
    'slave GRANT SELECT, UPDATE ON SEQUENCE "public"."t_id_seq"',
    `slave GRANT TEMPORARY ON DATABASE "${slave.name}"`,
    'slave GRANT USAGE ON SCHEMA "public"',
  ])
  await slave.query('alter table t enable row level security')
  expect(await look()).toContainEqual(expect.stringMatching(/^slave row-security: /))
  await master.query(`revoke select on rserv.server from ${repl}`)
  expect(await look()).toEqual(['master privilege: Connect as the role that set rserv up.'])
  await master.query(`revoke usage on schema rserv from ${repl}`)
  expect((await look()).length).toBeGreaterThan(0)
})
