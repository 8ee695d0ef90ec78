import type { Script } from './script.ts'
import { keys, step } from './script.ts'

const T = 'create table t (id int primary key, v text)'

/** Single statements of every shape. */
export const STATEMENTS: readonly Script[] = [
  {
    name: 'insert, update, delete of one row',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t values (1, 'a')`], keys('t', 1)),
      step([`update t set v = 'b' where id = 1`], keys('t', 1)),
      step(['delete from t where id = 1'], keys('t', 1)),
      step([`insert into t values (2, 'a')`, `update t set v = 'b'`, 'delete from t'], keys('t', 2)),
    ],
  },
  {
    name: 'many rows in one statement, and none',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t select i, 'v' from generate_series(1, 500) i`], keys('t', ...range(1, 500))),
      step([`update t set v = 'w' where id % 5 = 0`], keys('t', ...range(1, 500).filter((id) => id % 5 === 0))),
      step(['delete from t where id > 490'], keys('t', ...range(491, 500))),
      step(['update t set v = v where false', 'delete from t where false', 'insert into t select 1 where false']),
    ],
  },
  {
    name: 'COPY',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      step([String.raw`copy t (id) from program 'printf "1\n2\n"'`], keys('t', 1, 2)),
      step([`copy t (id) from program 'true'`]),
    ],
  },
  {
    name: 'upserts',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t values (1, 'a')`], keys('t', 1)),
      step([`insert into t values (1, 'b'), (2, 'c') on conflict (id) do update set v = excluded.v`], keys('t', 1, 2)),
      step([`insert into t values (1, 'x'), (3, 'd') on conflict do nothing`], keys('t', 3)),
    ],
  },
  {
    name: 'MERGE',
    since: 15,
    ddl: `${T}; create table s (id int, v text)`,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t values (1, 'a'), (2, 'b'), (3, 'c')`], keys('t', 1, 2, 3)),
      step(
        [
          `insert into s values (1, 'new'), (2, 'del'), (3, 'keep'), (4, 'ins')`,
          `merge into t using s on t.id = s.id
            when matched and s.v = 'del' then delete when matched and s.v = 'keep' then do nothing
            when matched then update set v = s.v when not matched then insert values (s.id, s.v)`,
        ],
        keys('t', 1, 2, 4),
      ),
    ],
  },
  {
    name: 'data-modifying CTEs, several on one table',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t values (1, 'a'), (2, 'b'), (3, 'c')`], keys('t', 1, 2, 3)),
      step(
        [
          `with d as (delete from t where id = 1 returning id), u as (update t set v = 'u' where id = 2 returning id)
            insert into t select id + 10, 'cte' from d`,
        ],
        keys('t', 1, 2, 11),
      ),
    ],
  },
  {
    name: 'TRUNCATE, alone, among other statements, cascading',
    ddl: `${T}; create table c (id int primary key, t int references t)`,
    tables: [{ name: 't' }, { name: 'c' }],
    steps: [
      step([`insert into t values (1, 'a')`, 'insert into c values (1, 1)'], keys('t', 1), keys('c', 1)),
      step(['truncate c'], truncated('c')),
      step(
        [`insert into t values (2, 'b')`, 'truncate t cascade', `insert into t values (3, 'c')`],
        { ...truncated('t'), keys: [['2'], ['3']] },
        truncated('c'),
      ),
    ],
  },
]

export function truncated(table: string): { table: string; keys: readonly (readonly string[])[]; truncated: true } {
  return { table, keys: [], truncated: true }
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}
