import type { Script } from './script.ts'
import { keys, step } from './script.ts'
import { truncated } from './statements.ts'

/** Changed keys, cascades, triggers of the user, partitions, inheritance. */
export const STRUCTURES: readonly Script[] = [
  {
    name: 'changed keys: chains, swaps, there and back, shifts',
    ddl: 'create table t (id int, v text, constraint t_pkey primary key (id) deferrable initially deferred)',
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t select i, 'v' from generate_series(1, 4) i`], keys('t', 1, 2, 3, 4)),
      step(['update t set id = 10 where id = 1'], keys('t', 1, 10)),
      step(['update t set id = 20 where id = 10', 'update t set id = 30 where id = 20'], keys('t', 10, 20, 30)),
      step(['update t set id = 5 - id where id in (2, 3)'], keys('t', 2, 3)),
      step(['update t set id = 99 where id = 4', 'update t set id = 4 where id = 99'], keys('t', 4, 99)),
      step(['update t set id = id + 1'], keys('t', 2, 3, 4, 5, 30, 31)),
    ],
  },
  {
    name: 'composite keys: one part changed, columns in another order than in the table',
    ddl: 'create table t (v text, b text, a int, unique (a, b)); alter table t alter a set not null, alter b set not null',
    tables: [{ name: 't', keyColumns: ['a', 'b'] }],
    steps: [
      step([`insert into t (a, b) values (1, 'x|y'), (2, '')`], {
        table: 't',
        keys: [
          ['1', 'x|y'],
          ['2', ''],
        ],
      }),
      step([`update t set b = 'z' where a = 2`], {
        table: 't',
        keys: [
          ['2', ''],
          ['2', 'z'],
        ],
      }),
      step([`update t set v = 'only v'`], {
        table: 't',
        keys: [
          ['1', 'x|y'],
          ['2', 'z'],
        ],
      }),
    ],
  },
  {
    name: 'names with quotes, dollar quotes, dots, backslashes and letters of other scripts',
    ddl: String.raw`create table "Ä.t $rserv$ ' "" \ $$" ("k $rserv$; select '\ "" 😀" int primary key, "new.v" text)`,
    tables: [{ name: String.raw`"Ä.t $rserv$ ' "" \ $$"` }],
    steps: [
      step([String.raw`insert into "Ä.t $rserv$ ' "" \ $$" values (1), (2)`], {
        table: String.raw`Ä.t $rserv$ ' " \ $$`,
        keys: [['1'], ['2']],
      }),
      step(
        [
          String.raw`update "Ä.t $rserv$ ' "" \ $$" set "k $rserv$; select '\ "" 😀" = 3 where "k $rserv$; select '\ "" 😀" = 1`,
        ],
        { table: String.raw`Ä.t $rserv$ ' " \ $$`, keys: [['1'], ['3']] },
      ),
    ],
  },
  {
    name: 'foreign keys that act: CASCADE, SET NULL, SET DEFAULT, several levels',
    ddl: `create table p (id int primary key);
      create table c (id int primary key, p int references p on delete cascade on update cascade);
      create table g (id int primary key, c int references c on delete set null, p int default 9 references p on delete set default)`,
    tables: [{ name: 'p' }, { name: 'c' }, { name: 'g' }],
    steps: [
      step(
        [
          'insert into p values (1), (2), (9)',
          'insert into c values (1, 1), (2, 2)',
          'insert into g values (1, 1, 1), (2, 2, 2)',
        ],
        keys('p', 1, 2, 9),
        keys('c', 1, 2),
        keys('g', 1, 2),
      ),
      step(['update p set id = 20 where id = 2 and not exists (select from g where g.p = 2)']),
      step(['delete from p where id = 1'], keys('p', 1), keys('c', 1), keys('g', 1)),
    ],
  },
  {
    name: 'a BEFORE trigger that comes after the capture, and changes keys that no UPDATE names',
    ddl: `create table t (id int primary key, v text);
      create function before() returns trigger language plpgsql as $$ begin new.id := new.id + 100; return new; end $$`,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t select i, 'a' from generate_series(1, 4) i`], keys('t', 1, 2, 3, 4)),
      step([`update t set v = 'b' where id = 1`], keys('t', 1)),
      step(['create trigger before before update on t for each row execute function before()']),
      { ...step([`update t set v = 'c' where id = 1`], keys('t', 1, 101)), orTruncated: true },
      step(['drop trigger before on t']),
      step([`update t set v = 'd' where id = 2`], keys('t', 2)),
    ],
  },
  {
    name: 'triggers of the user: a changed key, a refused row, a nested write to the same table, writes at COMMIT',
    ddl: `create table t (id int primary key, v text);
      create function before() returns trigger language plpgsql as $$ begin
        if new.v = 'refuse' then return null; end if; if new.v = 'shift' then new.id := new.id + 1000; end if; return new; end $$;
      create trigger before before insert or update on t for each row execute function before();
      create function after() returns trigger language plpgsql as $$ begin
        if new.v = 'nest' then insert into t values (new.id + 1, 'nested'); end if; return null; end $$;
      create trigger zz_after after insert on t for each row execute function after();
      create trigger aa_after after update on t for each row execute function after();
      create function late() returns trigger language plpgsql as $$ begin
        if new.v = 'late' then insert into t values (new.id + 5000, 'at commit'); end if; return null; end $$;
      create constraint trigger late after insert on t deferrable initially deferred for each row execute function late()`,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t values (1, 'shift'), (2, 'refuse'), (3, 'a')`], keys('t', 1001, 3)),
      step([`insert into t values (10, 'nest')`], keys('t', 10, 11)),
      step([`update t set v = 'nest' where id = 3`], keys('t', 3, 4)),
      step([`insert into t values (20, 'late')`], keys('t', 20, 5020)),
    ],
  },
  {
    name: 'partitions: through the root, through a leaf, moving between leaves, truncated',
    ddl: `create table m (id int, r text, v text, primary key (id, r)) partition by list (r);
      create table m_a partition of m for values in ('a');
      create table m_b (v text, r text not null, gone int, id int not null); alter table m_b drop column gone;
      alter table m attach partition m_b for values in ('b')`,
    tables: [{ name: 'm' }],
    steps: [
      step([`insert into m values (1, 'a'), (2, 'b')`], parted(['1', 'a'], ['2', 'b'])),
      step([`insert into m_b (id, r) values (3, 'b')`, `update m_a set v = 'x'`], parted(['3', 'b'], ['1', 'a'])),
      step([`update m set r = 'b' where id = 1`], parted(['1', 'a'], ['1', 'b'])),
      step([`update m_b set id = 30 where id = 3`], parted(['3', 'b'], ['30', 'b'])),
      step(['delete from m_b where id = 30'], parted(['30', 'b'])),
      step(['truncate m_b'], truncated('m')),
      step(['truncate m'], truncated('m')),
    ],
  },
  {
    name: 'inheritance: a statement that names the parent changes rows of the child',
    ddl: 'create table base (id int primary key, v text); create table child (primary key (id)) inherits (base)',
    tables: [{ name: 'child' }],
    steps: [
      step([`insert into child values (1, 'a'), (2, 'b')`], keys('child', 1, 2)),
      step([`update base set v = 'x' where id = 1`], keys('child', 1)),
      step(['delete from base where id = 2'], keys('child', 2)),
    ],
  },
]

function parted(...values: readonly (readonly string[])[]): { table: string; keys: readonly (readonly string[])[] } {
  return { table: 'm', keys: values }
}
