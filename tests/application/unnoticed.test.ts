import type { Granularity } from '@rserv/core'
import { masterAddTables } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase, testMajor } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends, replicatedPair } from '../support/pair.ts'

const DDL = `create table t (id serial primary key, v text); create sequence mine start 1000;
  create table parted (id int generated always as identity, v text, primary key (id)) partition by range (id);
  create table parted_1 partition of parted for values from (0) to (1000000);
  create table notes (what text)`

const GRANULARITIES: readonly Granularity[] = ['statement', 'row']

/** Statements whose command tag, row count, answer and notices an application may look at. */
const STATEMENTS: readonly string[] = [
  `insert into t (v) values ('a'), ('b'), ('c')`,
  'select lastval(), currval(pg_get_serial_sequence($$t$$, $$id$$))',
  `update t set v = v || '!' where id < 3 returning id, v`,
  'update t set id = id + 100 where id = 3',
  'update t set v = null where false',
  `insert into t values (1, 'x') on conflict do nothing`,
  `insert into t values (1, 'x'), (7, 'y') on conflict (id) do update set v = excluded.v returning id`,
  `with gone as (delete from t where id = 7 returning *) insert into t select id + 1, v from gone`,
  'select lastval()',
  `select nextval('mine')`,
  `delete from t where id > 100`,
  'select lastval()',
  `insert into parted (v) select 'p' from generate_series(1, 5)`,
  'select lastval()',
  `update parted set v = 'q' where id % 2 = 0`,
  'delete from parted_1 where id = 1',
  `copy t (v) from program 'echo copied'`,
  ...(testMajor() >= 15
    ? [
        `merge into t using (values (1), (50)) s (id) on t.id = s.id when matched then delete when not matched then insert values (s.id, 'm')`,
      ]
    : []),
  `do $$ declare n bigint; begin
    insert into t (v) values ('x'), ('y'); get diagnostics n = row_count; insert into notes values ('inserted ' || n || found);
    update t set v = 'z' where v in ('x', 'y'); get diagnostics n = row_count; insert into notes values ('updated ' || n || found);
    update t set v = 'z' where false; get diagnostics n = row_count; insert into notes values ('none ' || n || found);
    perform 1 from t; delete from t where v = 'z'; get diagnostics n = row_count; insert into notes values ('deleted ' || n || found);
    truncate t; get diagnostics n = row_count; insert into notes values ('truncated ' || n || found); end $$`,
  'select what from notes',
  'truncate t, parted restart identity',
  `insert into t (v) values ('again')`,
  'select lastval(), (select id from t)',
  `set search_path = pg_temp, public; set datestyle = 'SQL, DMY'; insert into t (v) values ('settings')`,
  `select current_setting('search_path'), current_setting('datestyle'), current_user, pg_my_temp_schema() = 0 as no_temporary`,
  `insert into t values (1, 'twice')`,
]

interface Answer {
  readonly statement: string
  readonly result: unknown
}

/** What a session is told. */
async function answers(database: TestDatabase): Promise<Answer[]> {
  const client = await database.connect()
  const notices: (string | undefined)[] = []
  client.on('notice', ({ message }) => notices.push(message))
  const told: Answer[] = []
  for (const statement of STATEMENTS) {
    const result = await client.query(statement).then(
      (one) => [one].flat().map(({ command, rowCount, rows }) => ({ command, rowCount, rows })),
      ({ code, message, detail }: { code: string; message: string; detail: string }) => ({ code, message, detail }),
    )
    told.push({ statement, result })
  }
  return [...told, { statement: 'notices', result: notices }]
}

test.for(GRANULARITIES)(
  'case 67: lastval, command tags, row counts, FOUND, RETURNING and settings are what they were (%s)',
  async (granularity) => {
    await using pair = await replicatedPair(DDL, { tables: ['t', 'parted'] })
    await masterAddTables(pair.master.config, { tables: ['t'], granularity, backends })
    await using plain = await createDatabase({ label: 'plain' })
    await plain.query(DDL)
    const expected = await answers(plain)
    expect(await answers(pair.master)).toEqual(expected)
    expect(JSON.stringify(expected)).toContain('inserted 2true')
    await pair.syncAndCompare('t', 'parted')
  },
)

test.for(GRANULARITIES)(
  'case 68: a transaction that did all that the capture sees can be prepared (%s)',
  async (granularity) => {
    await using pair = await replicatedPair(DDL, { tables: ['t', 'parted'] })
    const { master } = pair
    await masterAddTables(master.config, { tables: ['t'], granularity, backends })
    await master.query(`insert into t values (1, 'a'), (2, 'b'), (3, 'c')`)
    const work = `begin; insert into t values (4, 'd'); update t set id = 10 where id = 1; update t set v = 'x'; delete from t where id = 2;
      insert into parted (v) values ('p'); savepoint s; truncate parted; release s; insert into parted (v) values ('q')`
    for (const end of ['rollback', 'commit']) {
      const name = `${master.name}_${end}`
      await master.query(`${work}; prepare transaction '${name}'`)
      await master.query(`${end} prepared '${name}'`)
      await pair.syncAndCompare('t', 'parted')
    }
    expect(await pair.slave.query('select id from t order by id')).toEqual([{ id: 3 }, { id: 4 }, { id: 10 }])
  },
)
