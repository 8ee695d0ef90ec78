import { createDatabase, sharedServer } from '@rserv/test-utils'
import type { Script } from '@rserv/test-utils/conformance'
import { runScript } from '@rserv/test-utils/conformance'
import { describe, expect, test } from 'vitest'
import { backend } from '../src/index.ts'
import { ENGINES } from './engines.ts'

const T = 'create table t (id int primary key, v text)'
const range = (from: number, to: number): string[][] =>
  Array.from({ length: to - from + 1 }, (_, index) => [String(from + index)])

/** What the buffer of a statement's keys must stand. */
const SCRIPTS: readonly Script[] = [
  {
    name: 'a statement larger than the buffer',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      { sql: ['insert into t select generate_series(1, 5100)'], logs: [{ table: 't', keys: range(1, 5100) }] },
      {
        sql: ['update t set id = id + 6000 where id <= 2600'],
        logs: [{ table: 't', keys: [...range(1, 2600), ...range(6001, 8600)] }],
      },
    ],
  },
  {
    name: 'keys of a statement that failed are not logged by the next one',
    ddl: `${T}; create function fail() returns trigger language plpgsql as $$ begin
        if exists (select from t where v = 'bad') then raise 'bad'; end if; return null; end $$;
      create trigger aaa after insert on t for each statement execute function fail()`,
    tables: [{ name: 't' }],
    steps: [
      {
        sql: [
          `do $$ begin insert into t values (1, 'bad'); exception when raise_exception then null; end $$`,
          `insert into t values (2, 'good')`,
        ],
        logs: [{ table: 't', keys: [['2']] }],
      },
    ],
  },
  {
    name: 'plv8_reset() between transactions loses nothing',
    ddl: T,
    tables: [{ name: 't' }],
    steps: [
      { sql: ['insert into t values (1)'], logs: [{ table: 't', keys: [['1']] }] },
      { sql: ['select plv8_reset()'], logs: [] },
      { sql: ['insert into t values (2)'], logs: [{ table: 't', keys: [['2']] }] },
    ],
  },
]

const RESET_WITHIN: Script = {
  name: 'plv8_reset() in the middle of a statement logs the whole table',
  ddl: `${T}; create function forget() returns trigger language plpgsql as $$ begin
      if new.v = 'reset' then perform plv8_reset(); end if; return null; end $$;
    create trigger zzz after insert on t for each row execute function forget()`,
  tables: [{ name: 't' }],
  steps: [
    { sql: [`insert into t values (1, 'a'), (2, 'reset')`], logs: [{ table: 't', keys: [], truncated: true }] },
    {
      sql: [`insert into t values (3, 'reset'), (4, 'b')`],
      logs: [{ table: 't', keys: [['4']], truncated: true }],
    },
    {
      sql: [`insert into t values (6, 'a')`, 'select plv8_reset()', `insert into t values (7, 'a')`],
      logs: [{ table: 't', keys: [['6'], ['7']] }],
    },
    { sql: [`insert into t values (5, 'c')`], logs: [{ table: 't', keys: [['5']] }] },
  ],
}

for (const { label, absent, crashesOnReset, arrange, server } of ENGINES) {
  describe.skipIf(absent)(`the buffer ${label}`, () => {
    test.for(crashesOnReset ? SCRIPTS : [...SCRIPTS, RESET_WITHIN])('$name', async (script) => {
      await using database = await createDatabase({ label: 'buffer', server: server ?? sharedServer() })
      await using arranged = await arrange(database)
      const results = await runScript(database, script, {
        backend: backend.name,
        backends: async () => arranged.backend,
      })
      for (const { sql, missing, extra } of results) expect({ missing, extra }, sql).toEqual({ missing: [], extra: [] })
    })
  })
}
