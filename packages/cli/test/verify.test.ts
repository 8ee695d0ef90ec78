import { compareTable } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { ready } from './failures.ts'
import { runHere } from './in-process.ts'

const EQUAL = { onlyOnMaster: [], onlyOnSlave: [] }

test('verify tells by its exit code, names the keys, and repairs', async () => {
  await using pair = await ready(
    'create table orders (id int primary key, v text); create table "Odd" (a text, b text, primary key (a, b))',
  )
  const { master, slave } = pair
  await master.query(
    `insert into orders select i, 'v' from generate_series(1, 10) i; insert into "Odd" values ('a "b"', 'c,d')`,
  )
  await runHere(['replicate', master.uri, slave.uri])
  expect(await runHere(['verify', master.uri, slave.uri])).toMatchObject({
    code: 0,
    stdout: 'public."Odd": equal (1 row compared)\npublic.orders: equal (10 rows compared)\n',
  })
  await slave.query(`delete from orders where id < 4; insert into orders values (77, 'x'); delete from "Odd"`)
  const found = await runHere(['verify', master.uri, slave.uri, 'orders', '--limit', '2'])
  expect(found).toMatchObject({ code: 1, stderr: '' })
  expect(found.stdout).toBe(`public.orders: 3 missing, 1 extra, 0 different (10 rows compared)
  missing: "1"
  missing: "2"
  … and 2 more (--limit)
verify --repair brings the differing keys to the slave again
`)
  const document = await runHere(['verify', master.uri, slave.uri, '--json'])
  expect(document.code).toBe(1)
  expect(JSON.parse(document.stdout)).toMatchObject({
    syncId: '2',
    tables: [
      { missing: 1, keys: [{ kind: 'missing', key: ['a "b"', 'c,d'] }] },
      { missing: 3, extra: 1 },
    ],
    transfer: null,
  })
  const repaired = await runHere(['verify', master.uri, slave.uri, '--repair'])
  expect(repaired).toMatchObject({ code: 0, stdout: expect.stringContaining('Repaired: the slave is at SyncID 3') })
  for (const table of ['orders', '"Odd"']) expect(await compareTable(master, slave, table)).toEqual(EQUAL)
  await slave.query('drop table "Odd"')
  const lost = await runHere(['verify', master.uri, slave.uri])
  expect(lost).toMatchObject({ code: 1, stdout: expect.stringMatching(/"Odd": NOT COMPARED: .*\n {2}hint: Create it/) })
})

test('resync says what comes next', async () => {
  await using pair = await ready()
  const { master, slave } = pair
  await master.query(`insert into orders values (1, 'a')`)
  expect(await runHere(['resync', master.uri, slave.uri, 'orders'])).toMatchObject({
    code: 0,
    stdout: 'public.orders: the next transfer copies it\n',
  })
  expect((await runHere(['verify', master.uri, slave.uri])).stdout).toContain('the next transfer copies it whole')
  await runHere(['replicate', master.uri, slave.uri])
  expect(await compareTable(master, slave, 'orders')).toEqual(EQUAL)
  await master.query('alter table orders disable trigger user')
  const whole = await runHere(['resync', master.uri, slave.uri, '--clone', '--json'])
  const document = JSON.parse(whole.stdout) as { nodeId: string }
  expect(document).toMatchObject({ slave: slave.name, tables: [{ recaptured: true }] })
  expect(await slave.query('select node_id from rserv.node')).toEqual([{ node_id: document.nodeId }])
  expect(await runHere(['resync', master.uri, slave.uri, 'orders', '--clone'])).toMatchObject({ code: 1 })
})
