import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '@rserv/embedded'
import { compareTable, createDatabase, createRole, uriOf } from '@rserv/test-utils'
import { describe, expect, test } from 'vitest'
import { fails, ready, unchanged, uriAs } from '../failures.ts'
import type { CliPair } from '../support.ts'
import { rserv } from '../support.ts'

describe('replicate', () => {
  test('the slave registered a table that the master does not capture', async () => {
    await using pair = await ready()
    const { master, slave } = pair
    for (const database of [master, slave]) await database.query('create table extra (id int primary key)')
    await rserv('slave-add-table', slave.uri, 'extra')
    const says = /extra[\s\S]*hint: .*master-add-table/
    await unchanged(pair, () => fails(['replicate', master.uri, slave.uri], { error: 'NOT_REPLICATED', says }))
  })

  test.each([
    ['the table', 'drop table orders', 'NO_SUCH_TABLE', /orders/],
    ['a column', 'alter table orders drop column v', 'TABLE_MISMATCH', /\bv\b/],
    ['the type', 'alter table orders alter column v type int using null', 'TABLE_MISMATCH', /\bv\b/],
    ['the key', 'alter table orders drop constraint orders_pkey', 'NO_KEY', /orders/],
  ])('the slave lacks %s', async (_, change, error, says) => {
    await using pair = await ready()
    await pair.master.query(`insert into orders values (1, 'a')`)
    await pair.slave.query(change)
    await unchanged(pair, () => fails(['replicate', pair.master.uri, pair.slave.uri], { error, says }))
  })

  test('the role lacks a privilege on the slave', async () => {
    await using pair = await ready()
    const { master, slave } = pair
    await using role = await createRole('', [slave])
    await slave.query(`grant usage on schema rserv to "${role.name}"; grant select on orders to "${role.name}";
      grant all on all tables in schema rserv to "${role.name}"`)
    await master.query(`insert into orders values (1, 'a')`)
    await unchanged(pair, () =>
      fails(['replicate', master.uri, uriAs(slave, role)], { error: 'PRIVILEGE', says: /orders/ }),
    )
  })

  test('row-level security that would hide rows', async () => {
    await using pair = await ready()
    const { master, slave } = pair
    await using role = await createRole('', [master])
    await master.query(`alter table orders owner to "${role.name}"; grant usage on schema rserv to "${role.name}";
      grant all on all tables in schema rserv to "${role.name}"; grant all on all sequences in schema rserv to "${role.name}";
      alter table orders enable row level security; alter table orders force row level security`)
    await master.query(`insert into orders values (1, 'a')`)
    await unchanged(pair, () =>
      fails(['replicate', uriAs(master, role), slave.uri], { error: 'ROW_SECURITY', says: /row.level security/i }),
    )
  })

  test('a position that the log no longer covers, and the way out that the hint names', async () => {
    await using pair = await ready()
    const { master, slave } = pair
    await slave.query('create table public.backup as select * from rserv.slave_sync')
    await master.query(`insert into orders values (1, 'a')`)
    await rserv('replicate', master.uri, slave.uri)
    await rserv('clean-log', master.uri, '1000')
    await slave.query(`update rserv.slave_sync s set sync_id = b.sync_id, position = b.position, token = b.token from backup b;
      delete from orders; drop table backup`)
    await master.query(`insert into orders values (2, 'b')`)
    const says = /no longer covers[\s\S]*hint: .*rserv resync/
    await unchanged(pair, () => fails(['replicate', master.uri, slave.uri], { error: 'LOG_GAP', says }))
    await copyAgain(pair)
  })

  test('a master that went back in time, and the way out that the hint names', async () => {
    await using pair = await ready()
    const { master, slave } = pair
    await slave.query('update rserv.slave_sync set sync_id = 1000')
    await master.query(`insert into orders values (2, 'b')`)
    const says = /sync id 1000[\s\S]*hint: .*rserv resync/
    await unchanged(pair, () => fails(['replicate', master.uri, slave.uri], { error: 'POSITION_UNKNOWN', says }))
    await copyAgain(pair)
  })

  test('a replicator already running for this slave', async () => {
    await using pair = await ready()
    const { master, slave } = pair
    const other = await slave.connect()
    await other.query('begin; select from rserv.slave_sync for update')
    await master.query(`insert into orders values (1, 'a')`)
    await unchanged(pair, () => fails(['replicate', master.uri, slave.uri], { error: 'BUSY', says: /already running/ }))
    await other.query('rollback')
    await rserv('replicate', master.uri, slave.uri)
  })

  test('cases 35, 147: a standby given as master or slave', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rserv-standby-'))
    // PostgreSQL may run as another account.
    chmodSync(folder, 0o711)
    const server = await startServer({ dir: join(folder, 'server') })
    try {
      const master = uriOf(server.config())
      await rserv('master-init', master)
      await using slave = await createDatabase({ label: 'cli_s' })
      await rserv('slave-init', slave.uri)
      await server.stop('fast', { keepFolder: true })
      writeFileSync(join(server.dataDir, 'standby.signal'), '', { mode: 0o644 })
      await server.start()
      await fails(['replicate', master, slave.uri], { error: 'STANDBY', says: /standby/ })
      await fails(['prepare-snapshot', master, '--snapshot', join(folder, 'snap')], {
        error: 'STANDBY',
        says: /standby/,
      })
      await fails(['master-init', master], { error: 'STANDBY', says: /standby/ })
      await fails(['replicate', slave.uri, master], { error: 'STANDBY', says: /standby/ })
      expect(existsSync(join(folder, 'snap'))).toBe(false)
    } finally {
      await server.stop()
      rmSync(folder, { recursive: true })
    }
  })
})

/** Registers the table anew, as hints advise, and sees it arrive whole. */
async function copyAgain({ master, slave }: CliPair): Promise<void> {
  await rserv('resync', master.uri, slave.uri)
  await rserv('replicate', master.uri, slave.uri)
  expect(await compareTable(master, slave, 'orders')).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
  await master.query(`insert into orders values (100, 'on')`)
  await rserv('replicate', master.uri, slave.uri)
  expect(await compareTable(master, slave, 'orders')).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
}
