import type { TriggerBackend } from '@rserv/core'
import { masterAddTables, masterInit } from '@rserv/core'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backend } from '../src/index.js'

const backends = async (): Promise<TriggerBackend> => backend

test('says who did what to which row', async () => {
  await using database = await createDatabase()
  await database.query('create table t (id int primary key, v text)')
  await masterInit(database.config, { backends, backend: backend.name })
  await masterAddTables(database.config, { tables: ['t'], backends, backend: backend.name })
  await database.query(`insert into t values (1, 'a'); update t set id = 2; delete from t; truncate t`)
  const lines = await database.query('select what, table_name, key, who = session_user as mine from rserv_audit.line')
  expect(lines).toEqual([
    { what: 'INSERT', table_name: 'public.t', key: ['1'], mine: true },
    { what: 'UPDATE', table_name: 'public.t', key: ['1'], mine: true },
    { what: 'UPDATE', table_name: 'public.t', key: ['2'], mine: true },
    { what: 'DELETE', table_name: 'public.t', key: ['2'], mine: true },
    { what: 'TRUNCATE', table_name: 'public.t', key: [], mine: true },
  ])
})
