import { masterAddTables, masterInit, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { Pair } from './support/pair.ts'
import { backends, createPair, replicatedPair } from './support/pair.ts'

const FAMILY = `create table p (id int primary key, v text, u int unique);
  create table c (id int primary key, p int references p on delete cascade, v text);
  create table a (id int primary key, b int);
  create table b (id int primary key, a int references a);
  alter table a add foreign key (b) references b;
  create table self (id int primary key, parent int references self)`

/** Objects of the slave that would swallow, change or multiply rows if they worked during a transfer. */
const REACTIONS = `create table seen (what text);
  create function spy() returns trigger language plpgsql as $$ begin insert into seen values (tg_op); return null; end $$;
  create trigger spy before insert or update or delete on p for each row execute function spy();
  create rule no_insert as on insert to c do instead nothing`

async function changeFamily(pair: Pair): Promise<void> {
  const { master } = pair
  await master.query(`insert into p select i, 'p', i from generate_series(1, 5) i; insert into c select i, i, 'c' from generate_series(1, 5) i;
    begin; set constraints all deferred; insert into a values (1, null), (2, null); insert into b values (1, 1), (2, 2); update a set b = id; commit;
    insert into self values (1, null), (2, 1), (3, 2)`)
  await pair.sync()
  await master.query(`update p set v = 'changed' where id < 4; delete from p where id = 5; insert into p values (6, 'new', 60); insert into c values (6, 6, 'new');
    update self set parent = null where id = 3; delete from self where id = 2; insert into self values (10, 11), (11, 3);
    insert into a values (3, null); insert into b values (3, 3); update a set b = 3 where id = 3; update b set a = 3 where id = 1`)
}

const TABLES = ['p', 'c', 'a', 'b', 'self']

test('cases 14 to 16, 141, 142: foreign keys, cascades, triggers and rules of the slave, as superuser', async () => {
  await using pair = await replicatedPair(FAMILY, { slaveDdl: `${FAMILY}; ${REACTIONS}`, tables: TABLES })
  await changeFamily(pair)
  await pair.syncAndCompare(...TABLES)
  expect(await pair.slave.query('select * from seen')).toEqual([])
})

test('case 123: the same for a role that may not set session_replication_role', async () => {
  await using pair = await createPair('ordinary')
  await using role = await createRole('', [pair.master, pair.slave])
  for (const database of [pair.master, pair.slave]) {
    await database.query(
      `grant create on database "${database.name}" to "${role.name}"; grant create on schema public to "${role.name}"`,
    )
    await database.query(`set role "${role.name}"; ${FAMILY}`)
  }
  await pair.slave.query(REACTIONS)
  const as = (config: object): object => ({ ...config, user: role.name, password: role.password })
  const [master, slave] = [as(pair.master.config), as(pair.slave.config)]
  await masterInit(master, { backends })
  await slaveInit(slave)
  await masterAddTables(master, { tables: TABLES, backends })
  await slaveAddTables(slave, { tables: TABLES })
  const ordinary: Pair = { ...pair, sync: () => replicate(master, slave) }
  await changeFamily(ordinary)
  await ordinary.sync()
  await pair.expectEqual(...TABLES)
  expect(await pair.slave.query('select * from seen')).toEqual([])
  const states = await pair.slave.query(
    `select tgname as name, tgenabled as enabled from pg_trigger where not tgisinternal
      union all select rulename, ev_enabled from pg_rewrite where rulename = 'no_insert' order by 1`,
  )
  expect(states).toEqual([
    { name: 'no_insert', enabled: 'O' },
    { name: 'spy', enabled: 'O' },
  ])
  expect(
    await pair.slave.query(`select count(*)::int as n from pg_constraint where contype = 'f' and condeferrable`),
  ).toEqual([{ n: 0 }])
  // Unique values that change places need the role of a replica where foreign keys act on DELETE: refused, nothing lost.
  await pair.master.query(
    `update p set u = null where id = 1; update p set u = 1 where id = 2; update p set u = 2 where id = 1`,
  )
  await expect(ordinary.sync()).rejects.toMatchObject({ code: 'PRIVILEGE', sqlState: '23505' })
  await pair.slave
    .query(`reset role; grant set on parameter session_replication_role to "${role.name}"`)
    .catch(() => undefined)
})

test('cases 9, 11 to 13: exchanged unique values and ranges, also deferrable, partial and expression indexes', async () => {
  await using pair = await replicatedPair(`create table t (id int primary key, u int, e text, x int4range)`, {
    slaveDdl: `create extension if not exists btree_gist; create table t (id int, u int unique, e text, x int4range, primary key (id) deferrable, exclude using gist (x with &&));
        create unique index on t (lower(e)); create unique index on t (u) where u > 0`,
    tables: ['t'],
  })
  await pair.master.query(
    `insert into t select i, i, 'e' || i, int4range(i * 10, i * 10 + 10) from generate_series(1, 20) i`,
  )
  await pair.syncAndCompare('t')
  await pair.master.query(
    `update t set u = 21 - u, e = 'E' || (21 - id), x = int4range((21 - id) * 10, (21 - id) * 10 + 10)`,
  )
  await pair.syncAndCompare('t')
})

test('case 143: rows that somebody changed on the slave converge as soon as their keys are sent', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, v text)')
  await pair.master.query(`insert into t select i, 'v' from generate_series(1, 5) i`)
  await pair.sync()
  await pair.slave.query(
    `delete from t where id = 1; insert into t values (9, 'stray'); update t set v = 'x' where id = 2`,
  )
  await pair.master.query(`update t set v = 'w'; insert into t values (9, 'mine')`)
  await pair.syncAndCompare('t')
})

test('case 141: a trigger of the slave that works even for a replica and swallows rows is an error, not a loss', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, v text)')
  await pair.slave
    .query(`create function eat() returns trigger language plpgsql as $$ begin return case when new.id = 2 then null else new end; end $$;
    create trigger eat before insert on t for each row execute function eat(); alter table t enable always trigger eat`)
  await pair.master.query(`insert into t values (1, 'a'), (2, 'b')`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'ROWS_SWALLOWED' })
  expect(await pair.slave.query('select * from t')).toEqual([])
  await pair.slave.query('alter table t disable trigger eat')
  await pair.syncAndCompare('t')
})

test('case 149: a reader on the slave sees one state, also while a table is copied anew', async () => {
  await using pair = await replicatedPair('create table t (id int primary key, v int)')
  await pair.master.query(`insert into t select i, 1 from generate_series(1, 100) i`)
  await pair.sync()
  const reader = await pair.slave.connect()
  await reader.query(`begin isolation level repeatable read; select 1`)
  await pair.master.query(`truncate t; insert into t select i, 2 from generate_series(1, 50) i`)
  await pair.sync()
  expect((await reader.query('select count(*)::int as n, sum(v)::int as s from t')).rows).toEqual([{ n: 100, s: 100 }])
  await reader.query('commit')
  expect((await reader.query('select count(*)::int as n, sum(v)::int as s from t')).rows).toEqual([{ n: 50, s: 100 }])
})

test('case 139: a row that the slave refuses stops the transfer with its reason, and nothing is applied', async () => {
  await using pair = await replicatedPair(
    'create table t (id int primary key, v int); create table other (id int primary key)',
    {
      slaveDdl: 'create table t (id int primary key, v int check (v < 10)); create table other (id int primary key)',
    },
  )
  await pair.master.query('insert into other values (1); insert into t values (1, 5), (2, 50)')
  await expect(pair.sync()).rejects.toMatchObject({ sqlState: '23514' })
  expect(await pair.slave.query('select * from other')).toEqual([])
  await pair.slave.query('alter table t drop constraint t_v_check')
  await pair.syncAndCompare('t', 'other')
})

test('case 124: a statement_timeout of role or database ends no transfer that lasts longer', async () => {
  await using pair = await replicatedPair('create table t (id int primary key)')
  await pair.slave
    .query(`create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.4); return null; end';
    create trigger slow after insert on t for each row execute function slow(); alter table t enable always trigger slow`)
  for (const { query, name } of [pair.master, pair.slave])
    await query(`alter database "${name}" set statement_timeout = '300ms'`)
  await pair.master.query('insert into t values (1)')
  await pair.syncAndCompare('t')
})
