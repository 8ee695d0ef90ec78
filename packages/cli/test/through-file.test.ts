import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareTable, createDatabase, runCli } from '@rserv/test-utils'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ORDERS, ready } from './failures.ts'
import { rserv, rservJson } from './support.ts'

const EQUAL = { onlyOnMaster: [], onlyOnSlave: [] }

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rserv-through-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('Replicate --snapshot knows its slave among several, also one that it has never seen', async () => {
  await using pair = await ready()
  const { master, slave } = pair
  await using second = await createDatabase({ label: 'cli_s2' })
  await second.query(ORDERS)
  await rserv('slave-init', second.uri)
  await rserv('slave-add-table', second.uri, 'orders')
  await master.query(`insert into orders select i, 'v' from generate_series(1, 10) i`)
  const file = join(folder, '__Snapshot')
  const first = await rservJson('Replicate', master.uri, second.uri, '--snapshot', file)
  expect(first).toMatchObject({ outcome: 'applied', server: second.name, tables: [{ mode: 'copy', written: 10 }] })
  await master.query('delete from orders where id > 5')
  const next = await rservJson('Replicate', master.uri, second.uri, '--snapshot', file)
  expect(next).toMatchObject({ outcome: 'applied', tables: [{ mode: 'changes', deleted: 5 }] })
  expect(await rservJson('Replicate', master.uri, slave.uri, '--snapshot', file)).toMatchObject({ server: slave.name })
  for (const one of [slave, second]) expect(await compareTable(master, one, 'orders')).toEqual(EQUAL)
  // Directly and through files in turn, it is one slave.
  await master.query(`insert into orders values (100, 'direct')`)
  expect(await rservJson('replicate', master.uri, second.uri)).toMatchObject({ server: second.name })
  expect(await rservJson('status', master.uri)).toMatchObject({ servers: [{ rowsBehind: 1 }, { rowsBehind: 0 }] })
  expect(await rservJson('Replicate', master.uri, second.uri, '--snapshot', file)).toMatchObject({ outcome: 'in-sync' })
  expect(readdirSync(folder)).toEqual([])
})

test('the file stays with --debug, for its owner only, and goes when applying fails', async () => {
  await using pair = await ready()
  const { master, slave } = pair
  const file = join(folder, 'kept')
  await master.query(`insert into orders values (1, 'a')`)
  await rserv('Replicate', master.uri, slave.uri, '--snapshot', file, '--debug')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect((await rserv('apply-snapshot', slave.uri, '--snapshot', file)).stdout).toContain('Sync-ed to ID')
  await slave.query('alter table orders add check (id < 2)')
  await master.query(`insert into orders values (2, 'b')`)
  const failed = await runCli(['Replicate', master.uri, slave.uri, '--snapshot', file])
  expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('orders_id_check') })
  expect(readdirSync(folder)).toEqual([])
})

test('an existing device is written as it is', async () => {
  await using pair = await ready()
  await pair.master.query(`insert into orders values (1, 'a')`)
  await rserv('prepare-snapshot', pair.master.uri, '--snapshot', '/dev/null')
  expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
})
