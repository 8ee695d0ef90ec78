import { readFileSync } from 'node:fs'
import { startServer } from '@rserv/embedded'
import { createDatabase, testMajor } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { rserv } from '../support.ts'
import { ConfigFile, createMaster, createSlave } from './config-file.ts'
import { Running } from './process.ts'

const T = 'create table orders (id int primary key, v text)'

test('several masters and slaves from one file; the server of one slave stops and starts again', async () => {
  await using server = await startServer({ major: testMajor() })
  await using m1 = await createMaster(T)
  await using m2 = await createMaster(T)
  await using far = await createSlave(T, server.config())
  await using near = await createSlave(T)
  await using other = await createSlave(T)
  const slaves = [
    { name: 'far', database: far.uri, pace: { retry: '500ms' } },
    { name: 'near', database: near.uri },
  ]
  using file = new ConfigFile({
    masters: [
      { name: 'one', database: m1.uri, slaves },
      { name: 'two', database: m2.uri, slaves: [{ name: 'other', database: other.uri }] },
    ],
  })
  await using running = new Running(['--config', file.path])
  for (const slave of ['far', 'near', 'other']) await running.until({ event: 'in-sync', slave })
  await server.stop('fast', { keepFolder: true })
  expect(await running.until({ event: 'failed', slave: 'far' })).toMatchObject({ master: 'one', code: 'CONNECT' })
  for (const { query } of [m1, m2]) await query(`insert into orders values (1, 'a')`)
  await running.until({ event: 'applied', slave: 'near', rows: 1 })
  await running.until({ event: 'applied', slave: 'other', rows: 1 })
  await server.start()
  await running.until({ event: 'applied', slave: 'far', rows: 1 })
  await far.reconnect()
  for (const { query } of [far, near, other]) expect(await query('table orders')).toEqual([{ id: 1, v: 'a' }])
  expect(await running.end('SIGTERM')).toBe(0)
})

test('what init wrote keeps two databases up, with no password in it', async () => {
  await using master = await createMaster(T)
  await using slave = await createDatabase()
  await slave.query(T)
  using file = new ConfigFile('')
  const path = `${file.folder}/new.yaml`
  const written = await rserv('init', master.uri, slave.uri, '--file', path)
  expect(written.stdout).toContain('rserv slave-init')
  const text = readFileSync(path, 'utf8')
  expect(text).not.toContain(String(master.config.password))
  expect(text).toContain('The master captures 1 table.')
  await rserv('slave-init', slave.uri)
  await rserv('slave-add-table', slave.uri, '--all')
  await master.query(`insert into orders values (1, 'a')`)
  await using running = new Running(['--config', path], { PGPASSWORD: String(master.config.password) })
  await running.until({ event: 'in-sync' })
  expect(await slave.query('table orders')).toEqual([{ id: 1, v: 'a' }])
  expect(await running.end('SIGTERM')).toBe(0)
})

test('a bad table is parked and named while the others go on, and rejoins', async () => {
  const ddl = `${T}; create table items (id int primary key, n int)`
  await using master = await createMaster(ddl)
  await using slave = await createSlave(`${ddl}; alter table items add constraint small check (n < 10)`)
  const entry = { name: 's', database: slave.uri, pace: { parked: '300ms' } }
  using file = new ConfigFile({ masters: [{ name: 'm', database: master.uri, slaves: [entry] }] })
  await using running = new Running(['--config', file.path])
  await running.until({ event: 'in-sync' })
  await master.query(`insert into items values (1, 100); insert into orders values (1, 'a')`)
  expect(await running.until({ event: 'parked' })).toMatchObject({ table: { schema: 'public', name: 'items' } })
  await expect.poll(() => slave.query('table orders')).toEqual([{ id: 1, v: 'a' }])
  await slave.query('alter table items drop constraint small')
  expect(await running.until({ event: 'rejoined' })).toMatchObject({ table: { schema: 'public', name: 'items' } })
  expect(await slave.query('table items')).toEqual([{ id: 1, n: 100 }])
  expect(await running.end('SIGTERM')).toBe(0)
})
