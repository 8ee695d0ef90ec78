import type { TriggerBackend } from '@rserv/core'
import type { StepResult } from '@rserv/test-utils/conformance'
import { runScript, SCRIPTS } from '@rserv/test-utils/conformance'
import { createDatabase, testMajor } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backend } from '../src/index.ts'

/** Backends that must fail the suite: they check the checker. */
const BROKEN: readonly (readonly [string, 'missing' | 'extra', TriggerBackend])[] = [
  [
    'forgets former keys',
    'missing',
    { ...backend, createTriggers: (table) => backend.createTriggers(table).filter((sql) => !sql.includes('_key"')) },
  ],
  [
    'forgets partitions that are truncated',
    'missing',
    { ...backend, createTriggers: (table) => backend.createTriggers({ ...table, partitions: [] }) },
  ],
  [
    'loses keys of large statements',
    'missing',
    {
      ...backend,
      createFunctions: (table) =>
        backend
          .createFunctions(table)
          .map((sql) => sql.replace(/from (new|old)_rows r/, 'from (select * from $1_rows limit 100) r')),
    },
  ],
  [
    'logs rows that a statement did not touch',
    'extra',
    {
      ...backend,
      createFunctions: (table) =>
        backend
          .createFunctions(table)
          .map((sql) =>
            sql.replace(
              'from old_rows r',
              `from (table old_rows union all table ${table.table.schema}."${table.table.name}") r`,
            ),
          ),
    },
  ],
  [
    'is caught by a temporary table of the writer',
    'missing',
    {
      ...backend,
      createFunctions: (table) =>
        backend
          .createFunctions(table)
          .map((sql) =>
            sql.replace('set search_path = pg_catalog, pg_temp', '').replace(/insert into "rserv"\./, 'insert into '),
          ),
    },
  ],
]

async function failures(broken: TriggerBackend): Promise<StepResult[]> {
  const found: StepResult[] = []
  for (const script of SCRIPTS.filter(
    ({ name, since }) => !name.startsWith('key of type') && (since ?? 0) <= testMajor(),
  )) {
    await using database = await createDatabase({ label: 'broken' })
    const results = await runScript(database, script, { backend: broken.name, backends: async () => broken }).catch(
      (error: Error): StepResult[] => [{ sql: script.name, missing: [error.message], extra: [] }],
    )
    found.push(...results.filter(({ missing, extra }) => missing.length + extra.length > 0))
  }
  return found
}

test.each(BROKEN)('a backend that %s fails the suite', async (_what, kind, broken) => {
  const found = await failures(broken)
  expect(found.filter((result) => result[kind].length > 0)).not.toEqual([])
})
