import type { Script, Step } from './script.ts'
import { keys, step } from './script.ts'
import { range } from './statements.ts'

const T = 'create table t (id int primary key, v text)'

function undone(...sql: string[]): Step {
  return { sql, logs: [], rollback: true }
}

/** Some of it is undone within the transaction: keys of the undone part are harmless. */
function partly(sql: readonly string[], ...logs: Step['logs']): Step {
  return { sql, logs, extrasAllowed: true }
}

/** Savepoints, errors, roles and settings of the application. */
export const TRANSACTIONS: readonly Script[] = [
  {
    name: 'rolled back transactions and savepoints',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      undone(`insert into t values (1, 'a')`, 'truncate t'),
      partly(
        [
          `insert into t values (1, 'a')`,
          'savepoint s',
          `insert into t values (2, 'b')`,
          'rollback to s',
          `insert into t values (3, 'c')`,
        ],
        keys('t', 1, 3),
      ),
      partly(['savepoint s', 'truncate t', 'rollback to s', 'delete from t where id = 1'], keys('t', 1)),
      step(
        [
          'savepoint a',
          `insert into t values (4, 'd')`,
          'release a',
          'savepoint b',
          `insert into t values (5, 'e')`,
          'release b',
        ],
        keys('t', 4, 5),
      ),
    ],
  },
  {
    name: 'exceptions that are caught, many subtransactions, a statement that fails after its rows were captured',
    ddl: `${T}; create function fail() returns trigger language plpgsql as $$ begin if exists (select from t where v = 'bad') then raise 'bad' using errcode = 'ZZ001'; end if; return null; end $$;
      create trigger zzz_fail after insert or update on t for each statement execute function fail()`,
    tables: [{ name: 't' }],
    steps: [
      partly(
        [
          `do $$ begin for i in 1..150 loop begin insert into t values (i, 'ok'); if i % 3 = 0 then raise 'x'; end if;
            exception when raise_exception then null; end; end loop; end $$`,
        ],
        keys('t', ...range(1, 150).filter((id) => id % 3 !== 0)),
      ),
      partly(
        [
          `do $$ begin insert into t values (1000, 'bad'); exception when sqlstate 'ZZ001' then null; end $$`,
          `insert into t values (1001, 'good')`,
        ],
        keys('t', 1001),
      ),
      // The next statement of the session: nothing of the failed one may be missing or stick to it for ever.
      partly([`insert into t values (1002, 'good')`], keys('t', 1002)),
    ],
  },
  {
    name: 'a writer without rights on rserv, with hostile tables, functions, operators and settings',
    ddl: `${T}; do $$ begin if not exists (select from pg_roles where rolname = 'rserv_test_hostile') then create role rserv_test_hostile; end if; end $$;
      create schema hostile; grant all on schema hostile to rserv_test_hostile; grant all on t to rserv_test_hostile;
      create function hostile.pg_current_xact_id() returns xid8 language sql as $$ select '3'::xid8 $$;
      create function hostile.txid_current() returns int8 language sql as $$ select 3::int8 $$;
      create function hostile.never(int, int) returns boolean language sql as $$ select true $$;
      create operator hostile.= (leftarg = int, rightarg = int, function = hostile.never)`,
    tables: [{ name: 't' }],
    steps: [
      step(
        [
          'set local role rserv_test_hostile',
          'set local search_path = pg_temp, hostile, public, pg_catalog',
          'create temp table new_rows (id int)',
          'create temp table old_rows (id int)',
          'create temp table log_1 (xid int8, k1 int)',
          'create temp table truncate_log (xid int8, table_id int)',
          `set local datestyle = 'SQL, DMY'`,
          `insert into public.t values (1, 'a'), (2, 'b')`,
          'update public.t set id = id + 10',
          'truncate public.t',
        ],
        { table: 't', keys: [['1'], ['2'], ['11'], ['12']], truncated: true },
      ),
    ],
  },
  {
    name: 'a key of a type whose owner made a cast that would run with the rights of the capture',
    ddl: `create type mine as enum ('a', 'b', 'c');
      create function forged(text) returns mine language sql as $$ select 'c'::mine $$;
      create cast (text as mine) with function forged(text) as implicit;
      create table t (id mine primary key, v text)`,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t values ('a', 'x')`], keys('t', 'a')),
      step([`update t set id = 'b'`], keys('t', 'a', 'b')),
      step([`delete from t`], keys('t', 'b')),
    ],
  },
  {
    name: 'prepared transactions',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      { sql: [`insert into t values (1, 'a')`, 'update t set id = 2'], logs: [keys('t', 1, 2)], prepare: true },
      { sql: [`insert into t values (3, 'a')`], logs: [], prepare: true, rollback: true },
    ],
  },
]
