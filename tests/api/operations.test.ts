import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { everyOperation } from './operations.ts'

test('the examples of docs/reference/api.md work, one after the other', async () => {
  await using master = await createDatabase()
  await using slave = await createDatabase()
  for (const { query } of [master, slave]) {
    await query(
      'create table orders (id int primary key, item text); create schema sales; create sequence invoice_number',
    )
    await query('create table sales.items (order_id int, line int, primary key (order_id, line))')
  }
  await master.query(`insert into orders values (1, 'coffee'); insert into sales.items values (1, 1)`)
  const folder = mkdtempSync(join(tmpdir(), 'rserv-api-'))
  const said: string[] = []
  try {
    const file = join(folder, 'a.snap')
    const say = (line: string): void => void said.push(line)
    await everyOperation({ master: master.config, slave: slave.config, file, write: master.query, say })
  } finally {
    rmSync(folder, { recursive: true })
  }
  expect(said.filter((line) => /^[A-Z_]+: /.test(line))).toEqual([])
  expect(said).toContain('public.orders by id')
  expect(said).toContain('written: 2')
  expect(said).toContain('in-sync')
  expect(said).toContain(`${slave.name}: 0 rows behind`)
  expect(await slave.query('select * from orders order by id')).toEqual([
    { id: 1, item: 'tea', amount: null },
    { id: 2, item: 'bread', amount: null },
  ])
  expect(await slave.query(`select from pg_namespace where nspname = 'rserv'`)).toEqual([])
})
