import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase, createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { Running } from './running/process.ts'
import { databases, rserv, setUp } from './support.ts'

const T = 'create table orders (id int primary key, v text)'

test('run keeps two slaves up, cleans the log, and ends after the transfer in hand', async () => {
  await using pair = await databases(T)
  await using second = await createDatabase({ label: 'cli_s2' })
  await second.query(T)
  await setUp(pair)
  await rserv('slave-init', second.uri)
  await rserv('slave-add-table', second.uri, 'orders')
  const names = [pair.slave.name, second.name]
  await using running = new Running([pair.master.uri, pair.slave.uri, second.uri, '--clean-every', '1'])
  for (const slave of names) await running.until({ event: 'connected', slave })
  await pair.master.query(`insert into orders values (1, 'a')`)
  await running.until({ event: 'cleaned', rows: 1 })
  for (const { query } of [pair.slave, second]) expect(await query('table orders')).toEqual([{ id: 1, v: 'a' }])
  expect(await running.end('SIGTERM')).toBe(0)
})

test('run: a slave that is down is tried again and does not delay another', async () => {
  await using pair = await databases(T)
  await setUp(pair)
  const down = 'host=127.0.0.1 port=1 dbname=down user=nobody'
  await using running = new Running([pair.master.uri, pair.slave.uri, down])
  expect(await running.until({ event: 'failed', slave: 'down' })).toMatchObject({ code: 'CONNECT' })
  await pair.master.query(`insert into orders values (1, 'a')`)
  await running.until({ event: 'applied', slave: pair.slave.name })
  await running.until({ event: 'failed', slave: 'down' })
  expect(await running.end('SIGINT')).toBe(0)
})

test('run: what cannot pass ends it with its reason', async () => {
  await using pair = await databases(T)
  await setUp(pair)
  await using running = new Running([pair.slave.uri, pair.master.uri])
  const [code] = (await once(running.child, 'exit')) as [number]
  expect(code).toBe(1)
})

test('case 127: run takes up a password that was changed, as the password file says now', async () => {
  await using pair = await databases(T)
  await setUp(pair)
  await using role = await createRole('superuser', [])
  const folder = mkdtempSync(join(tmpdir(), 'rserv-pass-'))
  const passFile = join(folder, 'passwords')
  const write = (password: string): void => writeFileSync(passFile, `*:*:*:${role.name}:${password}\n`, { mode: 0o600 })
  write(role.password)
  const uri = (database: TestDatabase): string =>
    `postgres://${role.name}@${database.config.host}:${database.config.port}/${database.name}`
  await using running = new Running([uri(pair.master), uri(pair.slave)], { PGPASSFILE: passFile })
  await running.until({ event: 'connected' })
  await pair.master.query(`insert into orders values (1, 'before')`)
  await running.until({ event: 'applied' })
  await pair.master.query(`alter role "${role.name}" password 'another'`)
  await pair.master.query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role.name}'`)
  await running.until({ event: 'failed' })
  await pair.master.query(`insert into orders values (2, 'after')`)
  write('another')
  await running.until({ event: 'applied' })
  expect(await running.end('SIGTERM')).toBe(0)
  expect(await pair.slave.query('select id from orders order by id')).toEqual([{ id: 1 }, { id: 2 }])
  rmSync(folder, { recursive: true })
})
