import { check, cleanLog, RservError, masterAddTables, masterRemoveTables, resync } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { expectCodes, findings } from '../support/checking.ts'
import { backends, replicatedPair } from '../support/pair.ts'

const T = 'create table t (id int primary key, v text)'
const PARTED = `create table p (id int primary key, v text) partition by range (id);
  create table p_1 partition of p for values from (0) to (100)`

const none = async (): Promise<never> => {
  throw new RservError('BACKEND', 'no trigger backend plpgsql')
}

test('nothing is found where all is well, and nothing is changed', async () => {
  await using pair = await replicatedPair(`${T}; ${PARTED}; create table "O'dd ""T" ("K k" text primary key)`, {
    tables: ['t', 'p', `"O'dd ""T"`],
  })
  await pair.master
    .query(`insert into t select i, 'v' from generate_series(1, 10) i; update t set id = id + 100; delete from t where id > 105;
    insert into p values (1, 'a'); truncate p_1`)
  await pair.sync()
  const objects = `select (select string_agg(oid::text || xmin::text, ',' order by oid) from pg_proc) as functions,
    (select count(*) from pg_class) as classes, (select count(*) from pg_trigger) as triggers`
  const before = await pair.master.query(objects)
  await expectCodes(pair, [])
  expect(await pair.master.query(objects)).toEqual(before)
})

test('triggers: missing, disabled, altered', async () => {
  await using pair = await replicatedPair(T)
  const { master } = pair
  await master.query('alter table t disable trigger rserv_1_update')
  const [disabled] = await expectCodes(pair, ['trigger-disabled'])
  expect(disabled).toMatchObject({ severity: 'problem', side: 'master', table: { schema: 'public', name: 't' } })
  expect(disabled?.text).toContain('rserv_1_update')
  expect(disabled?.fix).toContain(`&& rserv resync ${master.name} ${pair.slave.name} public.t`)
  await master.query('alter table t enable replica trigger rserv_1_update')
  await expectCodes(pair, ['trigger-disabled'])
  await master.query('alter table t enable trigger rserv_1_update; drop trigger rserv_1_delete on t')
  await expectCodes(pair, ['trigger-missing'])
  await master.query(`drop trigger rserv_1_insert on t;
    create trigger rserv_1_delete after delete on t referencing old table as old_rows for each statement execute function rserv.capture_1_old();
    create trigger rserv_1_insert after insert on t referencing new table as new_rows for each statement when (pg_trigger_depth() = 0)
      execute function rserv.capture_1_new()`)
  await expectCodes(pair, ['trigger-altered'])
})

test('functions: altered in body or in rights, missing', async () => {
  await using pair = await replicatedPair(T)
  const { master } = pair
  await master.query('alter function rserv.capture_1_new() security invoker')
  await expectCodes(pair, ['function-altered'])
  await master.query(`alter function rserv.capture_1_new() security definer;
    create or replace function rserv.capture_1_old() returns trigger language plpgsql security definer
      set search_path = pg_catalog, pg_temp as 'begin return null; end'`)
  const [altered] = await expectCodes(pair, ['function-altered'])
  expect(altered?.text).toContain('capture_1_old')
  await master.query('drop function rserv.capture_1_truncate() cascade')
  await expectCodes(pair, ['function-altered', 'function-missing', 'trigger-missing'])
})

test('what the fix of a broken capture says works', async () => {
  await using pair = await replicatedPair(T)
  await pair.master.query('drop trigger rserv_1_delete on t')
  const [found] = await expectCodes(pair, ['trigger-missing'])
  const commands = found?.fix.split(' && ') ?? []
  expect(commands.map((command) => command.split(' ')[1])).toEqual([
    'master-remove-table',
    'master-add-table',
    'resync',
  ])
  const { host, port, user, password } = pair.master.config
  const env = { ...process.env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: String(password ?? '') }
  const rserv = new URL('../../packages/cli/bin/rserv.js', import.meta.url).pathname
  const script = (found?.fix ?? '').replaceAll(/\brserv (?=master-|resync)/g, `"${process.execPath}" "${rserv}" `)
  execFileSync('sh', ['-c', script], { env, stdio: 'pipe' })
  await pair.sync()
  await expectCodes(pair, [])
})

test('partitions: a trigger that is disabled or dropped on one of them', async () => {
  await using pair = await replicatedPair(PARTED, { tables: ['p'] })
  await pair.master.query('alter table p_1 disable trigger rserv_1_write')
  const [disabled] = await expectCodes(pair, ['trigger-disabled'])
  expect(disabled?.text).toContain('public.p_1')
  await pair.master.query('alter table p_1 enable trigger rserv_1_write; drop trigger rserv_1_truncate on p_1')
  await expectCodes(pair, ['trigger-missing'])
})

test('a backend that is not installed, and one that the server does not host any more', async () => {
  await using pair = await replicatedPair(T)
  await expectCodes(pair, ['backend-missing'], { backends: none })
  const backend = await backends()
  const refusing = { ...backend, canHost: () => ({ ok: false, reason: 'too old', hint: 'Upgrade.' }) as const }
  await expectCodes(pair, ['backend-unusable'], { backends: async () => refusing })
})

test('a role that does not own the capture is told that it was not compared', async () => {
  await using pair = await replicatedPair(T)
  await using role = await createRole('', [pair.master])
  await pair.master.query(
    `grant usage on schema rserv to "${role.name}"; grant select on all tables in schema rserv to "${role.name}"; grant select on all sequences in schema rserv to "${role.name}"; grant select on t to "${role.name}"`,
  )
  const as = { ...pair.master.config, user: role.name, password: role.password }
  const result = await check(as, [], { backends })
  expect(result.findings.map(({ code }) => code)).toEqual(['capture-unchecked'])
})

test('writes with triggers switched off show in the counters; so do settings that switch them off', async () => {
  await using pair = await replicatedPair(T)
  const { master } = pair
  const writer = await master.connect()
  await writer.query(`insert into t values (100, 'a'); update t set v = 'b'; set session_replication_role = replica;
    insert into t select i, 'x' from generate_series(201, 240) i`)
  // What a session wrote is counted for certain when it has ended.
  await writer.end()
  await pair.sync()
  const counted = async (): Promise<string[]> => (await findings(pair)).map(({ code, text }) => `${code}: ${text}`)
  await expect
    .poll(counted, { timeout: 20_000 })
    .toEqual([expect.stringMatching(/^uncaptured-writes: the statistics counted 40 more /)])
  const [found] = await findings(pair)
  expect(found?.severity).toBe('warning')
  expect(found?.fix).toBe(`rserv verify ${master.name} ${pair.slave.name} public.t --repair`)
  // A capture that begins later does not count what was written before.
  await masterRemoveTables(master.config, { tables: ['t'], backends })
  await masterAddTables(master.config, { tables: ['t'], backends })
  await resync(master.config, pair.slave.config, { backends })
  await pair.sync()
  await expectCodes(pair, [])
  await master.query(`alter database "${master.name}" set session_replication_role = replica`)
  const [setting] = await expectCodes(pair, ['replica-role'])
  expect(setting?.fix).toBe(`ALTER DATABASE "${master.name}" RESET session_replication_role;`)
  await master.query(setting?.fix ?? '')
  await expectCodes(pair, [])
})

test('a log that changes its generation meanwhile is no altered function', async () => {
  await using pair = await replicatedPair('create table t (id text primary key)')
  const { master } = pair
  await master.query(`insert into t select repeat('k', 200) || i from generate_series(1, 60000) i`)
  await pair.sync()
  const generation = 'select generation from rserv.replicated_table'
  expect(await master.query(generation)).toEqual([{ generation: 0 }])
  const cleaning = async (): ReturnType<typeof backends> => {
    const [before] = await master.query<{ generation: number }>(generation)
    if (before?.generation === 0) await cleanLog(master.config, { olderThanSeconds: 0, backends })
    return backends()
  }
  await expectCodes(pair, [], { backends: cleaning })
  expect(await master.query(generation)).toEqual([{ generation: 1 }])
})
