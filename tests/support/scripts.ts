import type { CaseScript } from './script.ts'

/** Cases that are a script on the master and a comparison. */
export const SCRIPTS: readonly CaseScript[] = [
  {
    name: 'cases 18, 19, 62: updates of nothing, values spelt anew, types without an equality operator',
    ddl: `create table t (id int primary key, j json, p point, g polygon, x xml, n numeric, f float8, i interval, c char(5), v int)`,
    compare: ['t'],
    steps: [
      `insert into t select i, '{"a": 1}', '(1,2)', '((0,0),(1,1),(2,0))', '<a/>', 1.0, 0, '1 month', 'x', 0 from generate_series(1, 3) i`,
      'update t set v = v',
      `update t set n = 1.00, f = '-0', i = '30 days', j = '{"a":  1}', x = '<a />' where id = 1`,
      `update t set v = 1, p = '(1,3)' where id = 2; update t set g = '((0,0),(1,1),(3,0))' where id = 3`,
    ],
  },
  {
    name: 'case 49: MERGE that inserts, updates, deletes and does nothing',
    since: 15,
    ddl: 'create table t (id int primary key, v text); create table src (id int primary key, v text)',
    tables: ['t'],
    compare: ['t'],
    steps: [
      `insert into t select i, 'old' from generate_series(1, 6) i;
        insert into src values (1, 'new'), (2, 'gone'), (3, 'same'), (9, 'more')`,
      `merge into t using src on t.id = src.id
        when matched and src.v = 'gone' then delete
        when matched and src.v = 'same' then do nothing
        when matched then update set v = src.v
        when not matched then insert values (src.id, src.v)`,
    ],
  },
  {
    name: 'case 49: MERGE of rows that the source lacks, RETURNING',
    since: 17,
    ddl: 'create table t (id int primary key, v text)',
    compare: ['t'],
    steps: [
      `insert into t select i, 'old' from generate_series(1, 6) i`,
      `do $$ declare n int; begin
        with m as (merge into t using (values (1, 'a'), (10, 'b')) s (id, v) on t.id = s.id
          when matched then update set id = 100 + s.id, v = s.v when not matched then insert values (s.id, s.v)
          when not matched by source and t.id > 4 then delete returning merge_action())
        select count(*) into n from m; if n <> 4 then raise 'merged %', n; end if; end $$`,
    ],
  },
  {
    name: 'case 52: foreign keys that set NULL or a default, over three levels',
    ddl: `create table p (id int primary key);
      create table c (id int primary key, p int references p on delete set null on update cascade);
      create table g (id int primary key, p int default 9 references p on delete set default,
        c int references c on delete cascade on update cascade)`,
    compare: ['p', 'c', 'g'],
    steps: [
      `insert into p values (1), (2), (3), (9); insert into c values (1, 1), (2, 2), (3, 3); insert into g values (1, 1, 1), (2, 2, 2), (3, 3, 3)`,
      'delete from p where id = 1; delete from c where id = 2; update c set id = 30 where id = 3',
    ],
  },
  {
    name: 'case 64: user triggers that change the key, refuse rows and write again, before and after ours',
    ddl: `create table t (id int primary key, v text);
      create function shift() returns trigger language plpgsql as $$ begin
        if new.v = 'refuse' then return null; end if; if new.v = 'shift' then new.id := new.id + 1000; end if; return new; end $$;
      create trigger shift before insert or update on t for each row execute function shift();
      create function again() returns trigger language plpgsql as $$ begin
        if new.v = 'again' then update t set v = 'twice', id = id + 5000 where id = new.id; end if; return null; end $$;
      create trigger aa_again after insert on t for each row execute function again();
      create trigger zz_again after update on t for each row execute function again()`,
    compare: ['t'],
    steps: [
      `insert into t values (1, 'shift'), (2, 'refuse'), (3, 'again'), (4, 'x')`,
      `update t set v = 'again' where id = 4; update t set v = 'refuse' where id = 1001; delete from t where id = 5003`,
    ],
  },
  {
    name: 'case 65: a user trigger that fails after ours undoes the log of its statement only',
    ddl: `create table t (id int primary key, v text);
      create function fail() returns trigger language plpgsql as $$ begin
        if exists (select from t where v = 'bad') then raise 'bad'; end if; return null; end $$;
      create trigger zzz_fail after insert or update on t for each statement execute function fail()`,
    compare: ['t'],
    steps: [
      `do $$ begin insert into t values (1, 'good');
        begin insert into t values (2, 'bad'); exception when raise_exception then null; end;
        begin update t set v = 'bad', id = 3; exception when raise_exception then null; end;
        insert into t values (4, 'good'); end $$`,
      `delete from t where id = 1`,
    ],
  },
  {
    name: 'case 78: views, INSTEAD OF triggers and rules that lead to captured tables',
    ddl: `create table t (id int primary key, v text); create table other (id int primary key, v text);
      create view simple as select * from t; create view joined as select t.id, t.v, other.v as w from t join other using (id);
      create function instead() returns trigger language plpgsql as $$ begin
        if tg_op = 'DELETE' then delete from other where id = old.id; return old; end if;
        update t set v = new.v where id = new.id; update other set v = new.w where id = new.id; return new; end $$;
      create trigger instead instead of update or delete on joined for each row execute function instead();
      create table redirected (id int primary key, v text);
      create rule redirect as on insert to redirected do instead insert into other values (new.id, 'by rule');
      create rule twice as on delete to redirected do also delete from t where id = old.id`,
    compare: ['t', 'other', 'redirected'],
    steps: [
      `insert into simple values (1, 'a'), (2, 'b'), (3, 'c'); insert into other values (1, 'x'), (2, 'y'); insert into redirected values (7, 'z')`,
      `update simple set v = 'changed' where id = 3; update joined set v = 'both', w = 'sides' where id = 1; delete from joined where id = 2; delete from simple where id = 3`,
    ],
  },
  {
    name: 'case 80: deferred constraint triggers that write at COMMIT',
    ddl: `create table t (id int primary key, v text); create table late (id int primary key, n int);
      create function late() returns trigger language plpgsql as $$ begin
        insert into late values (new.id, 1) on conflict (id) do update set n = late.n + 1; return null; end $$;
      create constraint trigger late after insert or update on t deferrable initially deferred for each row execute function late()`,
    compare: ['t', 'late'],
    steps: [
      `insert into t values (1, 'a'), (2, 'b')`,
      `begin; update t set id = 10 where id = 1; update t set v = 'c' where id = 2; commit`,
    ],
  },
  {
    name: 'cases 96, 100, 101: empty strings and NULL, and a key of 200 000 characters',
    ddl: `create table t (k text primary key, v text); create table c (k text[], r int4range, j jsonb, v text, primary key (k, r, j))`,
    compare: ['t', 'c'],
    steps: [
      `insert into t values ('', null), ('x', ''), ('null', 'null'), (repeat('k', 200000), 'long');
        insert into c values ('{}', 'empty', '{}', null), ('{"",NULL}', '[1,3]', '{"a": null}', '')`,
      `update t set v = coalesce(v, '') where k in ('', 'x'); update t set k = k || 'k', v = null where length(k) > 10;
        update t set v = null where k = 'x'; update c set k = '{""}' where v = ''; delete from c where v is null`,
    ],
  },
  {
    name: 'case 11: ranges of an exclusion constraint change places',
    ddl: `create table t (id int primary key, r int4range, exclude using gist (r with &&) deferrable initially deferred)`,
    slaveDdl: 'create table t (id int primary key, r int4range, exclude using gist (r with &&))',
    compare: ['t'],
    steps: [
      `insert into t select i, int4range(i * 10, i * 10 + 10) from generate_series(1, 10) i`,
      `update t set r = int4range((11 - id) * 10, (11 - id) * 10 + 10); delete from t where id = 3; insert into t values (30, '[80,85)')`,
    ],
  },
  {
    name: 'case 51: COPY, also FREEZE, into a root and into a leaf',
    ddl: `create table t (id int primary key, v text);
      create table m (id int primary key, v text) partition by range (id);
      create table m_1 partition of m for values from (0) to (100); create table m_2 partition of m default`,
    tables: ['t', 'm'],
    compare: ['t', 'm', 'm_1'],
    steps: [
      `begin; create temp table feed as select i as id, 'v' || i as v from generate_series(1, 150) i; commit`,
      `copy t from program 'for i in 1 2 3; do printf "$i\\tv$i\\n"; done';
        copy m from program 'printf "1\\ta\\n500\\tb\\n"'; copy m_1 from program 'printf "2\\tleaf\\n"'`,
      `begin; truncate t; copy t from program 'printf "7\\tfrozen\\n"' with (freeze); commit; delete from m_1 where id = 1`,
    ],
  },
  {
    name: 'case 106: a table without columns but its key, and one whose columns are all key',
    ddl: 'create table k (id int primary key); create table w (a int, b text, c date, primary key (c, a, b))',
    compare: ['k', 'w'],
    steps: [
      `insert into k values (1), (2), (3); insert into w values (1, 'x', '2024-01-01'), (2, 'y', '2024-01-02')`,
      `update k set id = id + 10; delete from k where id = 13; update w set b = b || '!' where a = 1; delete from w where a = 2`,
    ],
  },
  {
    name: 'cases 95, 136: an enum label renamed on both sides while its old name is in the log',
    ddl: `create type mood as enum ('sad', 'ok'); create table t (k mood, n int, v mood, primary key (k, n))`,
    compare: ['t'],
    steps: [
      `insert into t values ('sad', 1, 'sad'), ('ok', 1, 'sad')`,
      `insert into t values ('sad', 2, 'ok'); update t set v = 'ok' where n = 1; alter type mood rename value 'sad' to 'blue'; delete from t where k = 'blue' and n = 1`,
      `alter type mood add value 'new' before 'ok'`,
      `update t set v = 'new'`,
    ],
    slaveSteps: {
      1: `alter type mood rename value 'sad' to 'blue'`,
      2: `alter type mood add value 'new' before 'ok'`,
    },
  },
  {
    name: 'cases 132, 130: DDL and changes in one transaction, in both orders, and rolled back',
    ddl: 'create table t (id int primary key, a int, b text)',
    compare: ['t'],
    steps: [
      `insert into t values (1, 1, 'a'), (2, 2, 'b')`,
      `begin; alter table t add column c int; update t set c = id; insert into t values (3, 3, 'c', 3); commit`,
      `begin; delete from t where id = 1; alter table t drop column a; alter table t rename column b to renamed; update t set renamed = 'x' where id = 2; commit`,
      `begin; update t set renamed = 'undone'; alter table t add column d int not null default 7; rollback; update t set c = 30 where id = 3`,
    ],
    slaveSteps: {
      1: 'alter table t add column c int',
      2: 'alter table t drop column a; alter table t rename column b to renamed',
    },
  },
  {
    name: 'case 126: functions that need a search_path, in generated columns, checks, indexes and triggers',
    ddl: `create schema app; create function app.low(text) returns text language sql immutable as 'select lower($1)';
      create function low_of(text) returns text language plpgsql immutable as $$ begin return low($1); end $$;
      do $$ begin execute format('alter database %I set search_path = app, public', current_database()); end $$; set search_path = app, public;
      create table t (id int primary key, v text check (low_of(v) <> 'never'), g text generated always as (low_of(v)) stored);
      create index on t (low_of(v));
      create function spy() returns trigger language plpgsql as $$ begin new.v := low(new.v) || '!'; return new; end $$;
      create trigger spy before insert on t for each row execute function spy()`,
    tables: ['app.t'],
    compare: ['app.t'],
    steps: [`insert into t (id, v) values (1, 'A'), (2, 'B')`, `update t set v = 'CC' where id = 1`],
  },
  {
    name: 'cases 119, 195: a row of 20 MB, a table of one row, an empty table',
    ddl: 'create table wide (id int primary key, v text); create table one (id int primary key); create table none (id int primary key)',
    compare: ['wide', 'one', 'none'],
    steps: [
      `insert into wide select 1, string_agg(md5(i::text), '') from generate_series(1, 600000) i; insert into one values (1)`,
      `update wide set v = v || 'x'; delete from one`,
    ],
  },
]
