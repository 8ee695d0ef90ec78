import type { TestDatabase, TestServer } from '@rserv/test-utils'
import { compareTable, createDatabase, serverOfMajor, testMajor, uriOf } from '@rserv/test-utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runHere } from './in-process.ts'
import { findPgDump } from './pg-dump.ts'
import { rserv } from './support.ts'

const tool = findPgDump()
const EQUAL = { onlyOnMaster: [], onlyOnSlave: [] }

const DDL = `create schema "Sales Dept"; create type mood as enum ('sad', 'it''s ok', 'happy');
  create table parent (id serial primary key, m mood not null default 'happy', at timestamptz default now());
  create table "Sales Dept"."odd.name" (id int generated always as identity, parent int not null references parent on delete cascade,
    moods mood[], price numeric(10, 2) check (price > 0), twice numeric generated always as (price * 2) stored, primary key (id));
  create index by_price on "Sales Dept"."odd.name" (price) where price > 10;
  create table days (day date, n int, primary key (day, n)) partition by range (day);
  create table days_2026 partition of days for values from ('2026-01-01') to ('2027-01-01');
  create table days_rest partition of days default;
  create table elsewhere (id int primary key); alter table parent add elsewhere int constraint to_elsewhere references elsewhere;
  create function note() returns trigger language plpgsql as 'begin return null; end';
  create trigger noted after insert on parent for each row execute function note();
  alter table days enable row level security; create policy mine on days using (n > 0);
  comment on table parent is 'a comment'; comment on constraint to_elsewhere on parent is 'another'`

const TABLES = ['parent', '"Sales Dept"."odd.name"', 'days']

describe.skipIf(!tool)(`with pg_dump ${tool?.major ?? '(none is installed: postgresql-client)'}`, () => {
  let server: (TestServer & AsyncDisposable) | undefined
  const env = { PATH: process.env['PATH'] ?? '', RSERV_PG_DUMP: tool?.path ?? '' }

  beforeAll(async () => {
    server = await serverOfMajor(Math.min(tool?.major ?? 18, 18))
  })
  afterAll(() => server?.[Symbol.asyncDispose]())

  async function captured(): Promise<TestDatabase> {
    const master = await createDatabase({ label: 'schema_m', server: server?.config ?? {} })
    await master.query(`${DDL}; insert into parent (m) values ('sad'), (default); insert into days values ('2026-05-05', 1), ('2030-01-01', 2);
      insert into "Sales Dept"."odd.name" (parent, moods, price) values (1, '{sad,happy}', 12.5)`)
    await rserv('master-init', master.uri)
    for (const table of TABLES) await rserv('master-add-table', master.uri, table)
    return master
  }

  const add = (slave: TestDatabase, ...args: string[]): ReturnType<typeof runHere> =>
    runHere(['slave-add-table', slave.uri, ...args], { env })

  test('--schema creates the tables as on the master, and says what is left out', async () => {
    await using master = await captured()
    await using slave = await createDatabase({ label: 'schema_s' })
    await rserv('slave-init', slave.uri)
    const added = await add(slave, '--all', '--schema', '--master', master.uri)
    expect(added.code, added.stderr).toBe(0)
    expect(added.stdout.split('\n').filter(Boolean)).toEqual([
      'public.parent: created, registered, the next transfer copies it',
      '"Sales Dept"."odd.name": created, registered, the next transfer copies it',
      'public.days: created, registered, the next transfer copies it',
    ])
    expect(added.stderr.split('\n').filter(Boolean).toSorted()).toEqual([
      'foreign key to_elsewhere of public.parent is left out: the slave has no table public.elsewhere',
      'policy mine of public.days is left out: row-level security would hide rows from rserv',
      'trigger noted of public.parent is left out: the slave has no function public.note()',
    ])
    const replicated = await runHere(['replicate', master.uri, slave.uri])
    expect(replicated.code, replicated.stderr).toBe(0)
    for (const table of TABLES) expect(await compareTable(master, slave, table), table).toEqual(EQUAL)
    const objects = `select conname as name, pg_get_constraintdef(oid) as def from pg_constraint where contype in ('p', 'f', 'c')
        and conrelid in ('parent'::regclass, '"Sales Dept"."odd.name"'::regclass, 'days'::regclass) and conname <> 'to_elsewhere'
      union all select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index where indrelid = '"Sales Dept"."odd.name"'::regclass
      union all select relid::regclass::text, parentrelid::regclass::text from pg_partition_tree('days'::regclass) order by 1`
    expect(await slave.query(objects)).toEqual(await master.query(objects))
    // Sequences follow: the next value on a promoted slave is not one that is there.
    expect(await slave.query(`select nextval('parent_id_seq')::int as n`)).toEqual([{ n: 3 }])
    expect(await slave.query(`select relrowsecurity from pg_class where oid = 'days'::regclass`)).toEqual([
      { relrowsecurity: false },
    ])
    const again = await add(slave, '--all', '--schema', '--master', master.uri)
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toContain('public.parent: was registered already, in sync')
  })

  test('what the slave has stays as it is, and keys and triggers that it can have are made', async () => {
    await using master = await captured()
    await using slave = await createDatabase({ label: 'schema_s' })
    await slave.query(`create table elsewhere (id int primary key, mine text); create function note() returns trigger language plpgsql as
      'begin return null; end'; create type mood as enum ('sad', 'it''s ok', 'happy', 'more')`)
    await rserv('slave-init', slave.uri)
    const added = await add(slave, 'parent', '--table', 'elsewhere', '--schema', '--master', master.uri, '--json')
    expect(added.code, added.stderr).toBe(0)
    expect(JSON.parse(added.stdout)).toMatchObject({
      tables: [
        { table: { name: 'parent' }, created: true, outcome: 'added', state: 'new' },
        { table: { name: 'elsewhere' }, created: false, outcome: 'added', state: 'new' },
      ],
    })
    expect(added.stderr).toBe('')
    expect(
      await slave.query(`select (select count(*)::int from pg_trigger where tgname = 'noted') as triggers,
        (select count(*)::int from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
          where n.nspname = 'rserv' and tgrelid = 'parent'::regclass) as own,
        (select count(*)::int from pg_constraint where conname = 'to_elsewhere') as keys`),
    ).toEqual([{ triggers: 1, own: 0, keys: 1 }])
  })

  test('a password is never an argument; a role that may read the tables is enough', async () => {
    await using master = await captured()
    await using slave = await createDatabase({ label: 'schema_s' })
    const role = `rserv_test_${master.name.slice(-10)}`
    await master.query(`create role "${role}" login password 'se cret:'; grant select on elsewhere to "${role}"`)
    await rserv('slave-init', slave.uri)
    const uri = uriOf({ ...master.config, user: role, password: '' })
    const refused = await add(slave, 'elsewhere', '--schema', '--master', uri, '--masterpassword', 'wrong')
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.stderr).not.toContain('wrong')
    const added = await add(slave, 'elsewhere', '--schema', '--master', uri, '--masterpassword', 'se cret:')
    expect(added.code, added.stderr).toBe(0)
    expect(added.stdout).toBe('public.elsewhere: created, registered, the next transfer copies it\n')
  })

  test.each([
    ['a type that is not there', 'create domain d as int; create table t (id d primary key)', 'has no type public.d'],
    [
      'a function',
      `create function f() returns int language sql as 'select 1'; create table t (id int primary key default f())`,
      'f()',
    ],
    ['a sequence of nobody', `create sequence s; create table t (id int primary key default nextval('s'))`, 's'],
  ])('needs %s: nothing is created, and the message says what to do', async (_, ddl, words) => {
    await using master = await captured()
    await using slave = await createDatabase({ label: 'schema_s' })
    await master.query(ddl)
    await rserv('slave-init', slave.uri)
    const { code, stderr } = await add(slave, 't', '--table', 'parent', '--schema', '--master', master.uri)
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(words) as string })
    expect(stderr).toMatch(/hint: .*(Create it first|must be on the slave before)/)
    expect(await slave.query(`select to_regclass('parent') as t, count(*)::int as n from rserv.slave_table`)).toEqual([
      { t: null, n: 0 },
    ])
  })

  test.skipIf((tool?.major ?? 99) >= testMajor())('a pg_dump that is older than the master is refused', async () => {
    await using master = await createDatabase({ label: 'schema_m' })
    await using slave = await createDatabase({ label: 'schema_s' })
    await master.query('create table t (id int primary key)')
    await rserv('slave-init', slave.uri)
    const { code, stderr } = await add(slave, 't', '--schema', '--master', master.uri)
    expect(code).toBe(1)
    expect(stderr).toContain(`is of version ${tool?.major}, the master of version ${testMajor()}`)
  })
})

test('a pg_dump that is not there, and options that do not go together', async () => {
  await using master = await createDatabase({ label: 'schema_m' })
  await using slave = await createDatabase({ label: 'schema_s' })
  await master.query('create table t (id int primary key)')
  await rserv('slave-init', slave.uri)
  const add = (...args: string[]): ReturnType<typeof runHere> => runHere(['slave-add-table', slave.uri, ...args])
  const missing = await add('t', '--schema', '--master', master.uri, '--pg-dump', '/nowhere/pg_dump')
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('/nowhere/pg_dump is not there') as string })
  expect(await add('t', '--schema')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--master DB') as string,
  })
  expect(await add('t', '--master', master.uri)).toMatchObject({ code: 2 })
  expect(await add('none', '--schema', '--master', master.uri)).toMatchObject({ code: 1 })
  expect(await slave.query('select * from rserv.slave_table')).toEqual([])
})
