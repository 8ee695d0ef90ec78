import { createDatabase, createRole } from '@rserv/test-utils'
import { describe, expect, test } from 'vitest'
import { fails, ready, unchanged } from '../failures.ts'
import { databases, rserv } from '../support.ts'

const DDL = 'create table orders (id int primary key, v text); create table notes (v text)'

describe('databases', () => {
  test('no such database, no such role, wrong password', async () => {
    await using master = await createDatabase({ label: 'bad' })
    await using role = await createRole('')
    const at = (parts: string): string => `host=${master.config.host} port=${master.config.port} ${parts}`
    const known = `user=${master.config.user} password='${String(master.config.password)}'`
    await fails(['master-init', at(`dbname=rserv_none ${known}`)], { error: 'CONNECT', says: /"?rserv_none"?/ })
    await fails(['master-init', at(`dbname=${master.name} user=rserv_nobody password=x`)], {
      error: 'CONNECT',
      says: /rserv_nobody/,
    })
    const run = await fails(['master-init', at(`dbname=${master.name} user=${role.name} password=wrong-secret`)], {
      error: 'CONNECT',
      says: /password/,
    })
    expect(run.stderr + run.stdout).not.toContain('wrong-secret')
  })

  test('not initialised', async () => {
    await using pair = await databases(DDL)
    const { master, slave } = pair
    await unchanged(pair, async () => {
      for (const args of [
        ['master-add-table', master.uri, 'orders'],
        ['slave-add-table', slave.uri, 'orders'],
        ['replicate', master.uri, slave.uri],
        ['get-sync-id', slave.uri],
        ['master-sync', master.uri, '1'],
        ['clean-log', master.uri, '1'],
        ['status', master.uri],
        ['master-remove-table', master.uri, 'orders'],
        ['slave-remove-table', slave.uri, 'orders'],
        ['uninstall', master.uri],
      ]) {
        await fails(args, { error: 'NOT_INITIALISED', says: /rserv/ })
      }
    })
  })

  test('wrong role of a database, and one database as both', async () => {
    await using pair = await ready()
    const { master, slave } = pair
    await unchanged(pair, async () => {
      await fails(['replicate', slave.uri, master.uri], { error: 'WRONG_ROLE', says: /not as a master/ })
      await fails(['master-add-table', slave.uri, 'orders'], { error: 'WRONG_ROLE', says: /hint: .*master-init/ })
      await fails(['slave-add-table', master.uri, 'orders'], { error: 'WRONG_ROLE', says: /hint: .*slave-init/ })
      await fails(['get-sync-id', master.uri], { error: 'WRONG_ROLE', says: /slave/ })
    })
    await rserv('slave-init', master.uri)
    await fails(['replicate', master.uri, master.uri], { error: 'SAME_NODE', says: /same database/ })
  })
})

test('several at once set one database up', async () => {
  await using master = await createDatabase({ label: 'at_once' })
  const runs = await Promise.all([1, 2, 3].map(() => rserv('master-init', master.uri, '--json')))
  const nodes = runs.map((run) => (JSON.parse(run.stdout) as { nodeId: string }).nodeId)
  expect(new Set(nodes).size).toBe(1)
})

describe('tables', () => {
  test('no such table, column, key; names that are none; tables of the wrong kind', async () => {
    await using pair = await databases(`${DDL}; create view seen as select 1 as id;
      create table maybe (id int unique, v text); create unlogged table fast (id int primary key)`)
    const { master, slave } = pair
    await rserv('master-init', master.uri)
    await rserv('slave-init', slave.uri)
    await unchanged(pair, async () => {
      for (const [command, uri] of [
        ['master-add-table', master.uri],
        ['slave-add-table', slave.uri],
      ] as const) {
        await fails([command, uri, 'nothing'], { error: 'NO_SUCH_TABLE', says: /nothing/ })
        await fails([command, uri, 'Orders"'], { error: 'BAD_NAME', code: 2, says: /Orders"/ })
        await fails([command, uri, 'orders', 'idd'], { error: 'NO_SUCH_COLUMN', says: /idd[\s\S]*hint: .*id, v/ })
        await fails([command, uri, 'notes'], { error: 'NO_KEY', says: /no primary key/ })
        await fails([command, uri, 'orders', 'v'], { error: 'NO_KEY', says: /hint: .*\(id\)/ })
        await fails([command, uri, 'maybe', 'id'], { error: 'NO_KEY', says: /NULL/ })
        await fails([command, uri, 'seen'], { error: 'UNSUPPORTED_TABLE', says: /view/ })
        await fails([command, uri, 'nowhere.*'], { error: 'NO_SUCH_TABLE', says: /nowhere/ })
      }
      await fails(['master-add-table', master.uri, 'fast'], { error: 'UNSUPPORTED_TABLE', says: /unlogged/i })
      await fails(['master-add-table', master.uri, 'orders', '--backend', 'no-such-backend'], {
        error: 'BACKEND',
        says: /hint: .*plpgsql/,
      })
      // One bad table among good ones: none is added.
      await fails(['master-add-table', master.uri, 'orders', '--table', 'notes'], { error: 'NO_KEY', says: /notes/ })
      await fails(['slave-add-table', slave.uri, 'orders', '--table', 'notes'], { error: 'NO_KEY', says: /notes/ })
      await fails(['master-remove-table', master.uri, 'orders'], { error: 'NOT_REPLICATED', says: /orders/ })
      await fails(['slave-remove-table', slave.uri, 'orders'], { error: 'NOT_REPLICATED', says: /orders/ })
    })
  })

  test('captured already, but otherwise', async () => {
    await using pair = await ready('create table orders (id int primary key, v text not null unique)')
    await unchanged(pair, async () => {
      await fails(['master-add-table', pair.master.uri, 'orders', 'v'], {
        error: 'ALREADY_DIFFERENT',
        says: /by \(id\)/,
      })
      await fails(['slave-add-table', pair.slave.uri, 'orders', 'v'], {
        error: 'ALREADY_DIFFERENT',
        says: /another key/,
      })
    })
  })

  test('a lock that is not to be had', async () => {
    await using pair = await databases(DDL)
    const { master } = pair
    await rserv('master-init', master.uri)
    await using writer = {
      client: await master.connect(),
      async [Symbol.asyncDispose]() {
        await this.client.query('rollback')
      },
    }
    await writer.client.query(`begin; insert into orders values (1, 'open')`)
    const args = ['master-add-table', master.uri, 'orders', '--lock-timeout', '0.1', '--attempts', '2']
    await fails(args, { error: 'LOCK_TIMEOUT', says: /waiting for a lock on public\.orders/ })
    expect(await master.query(`select count(*)::int as n from pg_trigger where tgname like 'rserv%'`)).toEqual([
      { n: 0 },
    ])
    expect(await master.query('select count(*)::int as n from rserv.replicated_table')).toEqual([{ n: 0 }])
  })
})
