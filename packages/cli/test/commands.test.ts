import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareTable, createDatabase, runCli, sharedServer } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { databases, rserv, rservJson, setUp } from './support.ts'

const DDL = `create table orders (id int primary key, v text); create schema sales;
  create table sales.items (o int, l int, v text, primary key (o, l)); create table sales.customers (id int primary key)`
/** Items are known by a unique index with its columns in another order. */
const BY_INDEX = `${DDL}; alter table sales.items drop constraint items_pkey; create unique index on sales.items (l, o)`
const EQUAL = { onlyOnMaster: [], onlyOnSlave: [] }

test('the way through: init, add tables, replicate, status, clean', async () => {
  await using pair = await databases(BY_INDEX)
  const { master, slave } = pair
  expect((await rserv('master-init', master.uri)).stdout).toContain('set up as a master')
  expect((await rserv('MasterInit', master.uri)).stdout).toContain('was there')
  await rserv('slave-init', slave.uri)
  expect((await rserv('master-add-table', master.uri, 'orders')).stdout).toContain(
    'public.orders: captured by (id), plpgsql, statement',
  )
  await rserv('master-add-table', master.uri, 'sales.items', 'o,l')
  expect((await rserv('master-add-table', master.uri, 'orders')).stdout).toContain('captured already')
  await rserv('slave-add-table', slave.uri, 'orders')
  await rserv('slave-add-table', slave.uri, 'sales.items', 'o,l')
  await master.query(`insert into orders values (1, 'a'), (2, 'b'); insert into sales.items values (1, 1, 'x')`)
  const first = await rservJson('replicate', master.uri, slave.uri)
  expect(first).toMatchObject({ outcome: 'applied', syncId: '1', server: slave.name })
  expect((await rserv('replicate', master.uri, slave.uri)).stdout).toContain('Sync-ed')
  await master.query(`update sales.items set l = 2; delete from orders where id = 1`)
  expect(await rservJson('replicate', master.uri, slave.uri)).toMatchObject({
    syncId: '2',
    tables: [
      { table: { schema: 'public', name: 'orders' }, mode: 'changes', written: 0, deleted: 1 },
      { table: { schema: 'sales', name: 'items' }, mode: 'changes', written: 1, deleted: 1 },
    ],
  })
  for (const table of ['orders', 'sales.items']) expect(await compareTable(master, slave, table)).toEqual(EQUAL)
  await master.query(`insert into orders values (3, 'c')`)
  expect(await rservJson('status', master.uri, slave.uri)).toMatchObject({
    servers: [
      {
        server: slave.name,
        syncId: '2',
        rowsBehind: 1,
        tables: 2,
        behind: [
          { table: { name: 'orders' }, rows: 1, keys: 1, copy: false, secondsBehind: expect.any(Number) },
          { table: { name: 'items' }, rows: 0, keys: 0, copy: false, secondsBehind: 0 },
        ],
      },
    ],
    slaves: [{ syncId: '2', tables: [{ state: 'synced' }, { state: 'synced' }] }],
  })
  expect((await rserv('status', master.uri)).stdout).toMatch(/public\.orders +id +plpgsql +statement +\d+ +\d+/)
  expect((await rserv('clean-log', master.uri, '2')).stdout).toMatch(/^[1-9]\d* log rows removed$/m)
  expect(await rservJson('replicate', master.uri, slave.uri)).toMatchObject({ syncId: '3' })
})

test('patterns, --all, --table and --dry-run', async () => {
  await using pair = await databases(
    `${DDL}; create table "Odd" (id int primary key); create view v as select 1 as one`,
  )
  const { master } = pair
  await rserv('master-init', master.uri)
  const dry = await rserv('master-add-table', master.uri, 'orders', '--dry-run')
  expect(dry.stdout).toMatch(/create trigger/)
  expect(dry.stdout).toMatch(/lock: SHARE ROW EXCLUSIVE/)
  expect(await master.query('select count(*)::int as n from rserv.replicated_table')).toEqual([{ n: 0 }])
  // The shown SQL is what runs: it does as it stands.
  await master.query(`begin; ${dry.stdout}; rollback`)
  await rserv('master-add-table', master.uri, 'sales.c*', '--table', '"Odd"')
  expect(await master.query('select table_name as t from rserv.replicated_table order by 1')).toEqual([
    { t: 'Odd' },
    { t: 'customers' },
  ])
})

test('GetSyncID, MasterSync and CleanLog as the original had them', async () => {
  await using pair = await databases(DDL)
  const { master, slave } = pair
  await rserv('master-init', master.uri)
  await rserv('slave-init', slave.uri)
  const none = await rserv('get-sync-id', slave.uri)
  expect(none).toMatchObject({ stdout: '', stderr: 'No SyncID found\n' })
  await rserv('master-add-table', master.uri, 'orders')
  await rserv('slave-add-table', slave.uri, 'orders')
  await rserv('replicate', master.uri, slave.uri)
  expect((await rserv('GetSyncID', slave.uri)).stdout).toBe('Last SyncID applied: 1\n')
  expect((await rserv('GetSyncID', '--noverbose', slave.uri)).stdout).toBe('1')
  expect((await rserv('master-sync', master.uri, '1')).stdout).toContain('already updated')
  expect((await rserv('master-sync', master.uri, '99')).stdout).toContain('No SyncID 99 found')
  await master.query(`insert into orders values (1, 'a')`)
  expect((await rserv('clean-log', master.uri, '1')).stdout).toBe('0 log rows removed\n')
  expect((await rserv('clean-log', master.uri, '1000000')).stdout).toBe('0 log rows removed\n')
  await rserv('replicate', master.uri, slave.uri)
  expect((await rserv('clean-log', master.uri, '--older-than', '3600')).stdout).toBe('0 log rows removed\n')
  expect((await rserv('clean-log', master.uri, '--older-than', '0')).stdout).toBe('1 log row removed\n')
})

test('several slaves: each with its own position, the slowest keeps the log (cases 167, 179)', async () => {
  await using pair = await databases(DDL)
  await using second = await createDatabase({ label: 'cli_s2' })
  await second.query(DDL)
  await setUp(pair)
  await rserv('slave-init', second.uri)
  await rserv('slave-add-table', second.uri, 'orders')
  const { master, slave } = pair
  await rserv('replicate', master.uri, slave.uri)
  await rserv('replicate', master.uri, second.uri, '--server', 'berlin')
  await master.query(`insert into orders values (1, 'a')`)
  await rserv('replicate', master.uri, slave.uri)
  const held = await rservJson<{ rows: number; heldBy: { server: string }[] }>('clean-log', master.uri, '100')
  expect(held).toMatchObject({ rows: 0, heldBy: [{ server: 'berlin' }] })
  await rserv('replicate', master.uri, second.uri)
  expect(await rservJson('clean-log', master.uri, '100')).toMatchObject({ rows: 1, heldBy: [] })
  for (const other of [slave, second]) expect(await compareTable(master, other, 'orders')).toEqual(EQUAL)
})

test('snapshot files: prepare, apply, register; through files and through pipes', async () => {
  await using pair = await databases(DDL)
  await setUp(pair)
  const { master, slave } = pair
  const folder = mkdtempSync(join(tmpdir(), 'rserv-snap-'))
  const file = join(folder, 'one.snap')
  try {
    await master.query(`insert into orders select i, 'v' || i from generate_series(1, 1000) i`)
    expect((await rserv('prepare-snapshot', master.uri, '--server', 'far', '--snapshot', file)).stdout).toContain(
      'SyncID 1',
    )
    expect((await rserv('apply-snapshot', slave.uri, '--snapshot', file)).stdout).toContain('at SyncID 1')
    expect((await rserv('apply-snapshot', slave.uri, '--snapshot', file)).stdout).toContain('Sync-ed to ID 1')
    expect((await rserv('master-sync', master.uri, '1')).stdout).toContain('registered for slave far')
    expect(
      (await rserv('prepare-snapshot', master.uri, '--server', 'far', '--snapshot', join(folder, 'none'))).stdout,
    ).toContain('Sync-ed')
    expect(readdirSync(folder)).toEqual(['one.snap'])
    await master.query(`delete from orders where id > 10; insert into sales.items values (1, 1, null)`)
    const piped = await rserv('PrepareSnapshot', master.uri)
    expect(piped.stderr).toContain('Snapshot dumped to STDOUT')
    const applied = await runCli(['ApplySnapshot', slave.uri], { input: piped.stdoutBytes })
    expect(applied, `apply: ${applied.stderr}`).toMatchObject({ code: 0 })
    for (const table of ['orders', 'sales.items']) expect(await compareTable(master, slave, table)).toEqual(EQUAL)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('Replicate --snapshot goes through the file and removes it', async () => {
  await using pair = await databases(DDL)
  await setUp(pair)
  const folder = mkdtempSync(join(tmpdir(), 'rserv-snap-'))
  try {
    await pair.master.query(`insert into orders values (1, 'a')`)
    const args = ['Replicate', pair.master.uri, pair.slave.uri, '--snapshot', join(folder, '__Snapshot')]
    expect((await rserv(...args)).stdout).toContain('at SyncID 1')
    expect(readdirSync(folder)).toEqual([])
    expect((await rserv(...args)).stdout).toContain('Sync-ed')
    expect(await compareTable(pair.master, pair.slave, 'orders')).toEqual(EQUAL)
    expect(await rservJson('status', pair.master.uri)).toMatchObject({ servers: [{ syncId: '1' }] })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('--assume-synced takes the rows as they are and sends what changed since the capture began', async () => {
  await using pair = await databases(DDL)
  const { master, slave } = pair
  await master.query(`insert into orders values (1, 'before')`)
  await rserv('master-init', master.uri)
  await rserv('master-add-table', master.uri, 'orders')
  await master.query(`insert into orders values (2, 'in the dump')`)
  await slave.query(`insert into orders values (1, 'before'), (2, 'in the dump')`)
  await master.query(`insert into orders values (3, 'after the dump')`)
  await rserv('slave-init', slave.uri)
  await rserv('slave-add-table', slave.uri, 'orders', '--assume-synced')
  expect(await rservJson('replicate', master.uri, slave.uri)).toMatchObject({
    tables: [{ mode: 'changes', written: 2 }],
  })
  expect(await compareTable(master, slave, 'orders')).toEqual(EQUAL)
})

test('removing tables and everything leaves nothing behind, and the application goes on', async () => {
  await using pair = await databases(DDL)
  await setUp(pair)
  const { master, slave } = pair
  await rserv('replicate', master.uri, slave.uri)
  await rserv('master-remove-table', master.uri, 'orders')
  await rserv('slave-remove-table', slave.uri, 'orders')
  await master.query(`insert into orders values (1, 'free'); insert into sales.customers values (1)`)
  expect(await rservJson('replicate', master.uri, slave.uri)).toMatchObject({ outcome: 'applied' })
  for (const database of [master, slave]) await rserv('uninstall', database.uri)
  const left = `select (select count(*) from pg_trigger where tgname like 'rserv%')::int as triggers,
    (select count(*) from pg_namespace where nspname = 'rserv')::int as schemas`
  for (const database of [master, slave]) expect(await database.query(left)).toEqual([{ triggers: 0, schemas: 0 }])
  await master.query(`insert into sales.customers values (2)`)
})

test('the historic executables, with the historic options', async () => {
  await using pair = await databases(DDL)
  const { host, port, user, password } = sharedServer()
  const env = { PGPORT: String(port), PGPASSWORD: String(password) }
  const at = ['--host', String(host), '--user', String(user)]
  const historic = async (program: string, ...args: string[]): Promise<string> => {
    const run = await runCli(args, { program, env })
    expect(run, `${program}: ${run.stderr}`).toMatchObject({ code: 0 })
    return run.stdout
  }
  await historic('MasterInit', ...at, pair.master.name)
  await historic('SlaveInit', ...at, pair.slave.name)
  await historic('MasterAddTable', ...at, pair.master.name, 'orders', 'id')
  await historic('SlaveAddTable', ...at, pair.slave.name, 'orders', 'id')
  await pair.master.query(`insert into orders values (1, 'a')`)
  const sides = [
    '--masterhost',
    String(host),
    '--slavehost',
    String(host),
    '--masteruser',
    String(user),
    '--slaveuser',
    String(user),
  ]
  expect(await historic('Replicate', ...sides, pair.master.name, pair.slave.name)).toContain('SyncID 1')
  expect(await historic('GetSyncID', '--noverbose', ...at, pair.slave.name)).toBe('1')
  expect(await historic('MasterSync', ...at, pair.master.name, '1')).toContain('already updated')
  expect(await historic('CleanLog', ...at, pair.master.name, '1')).toContain('1 log row removed')
})
