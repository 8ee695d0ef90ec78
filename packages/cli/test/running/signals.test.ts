import { hostname } from 'node:os'
import { expect, test } from 'vitest'
import { ConfigFile, createMaster, createSlave } from './config-file.ts'
import { Running } from './process.ts'

const T = 'create table orders (id int primary key, v text)'

test('SIGHUP: a new file adds and removes slaves without touching the others; a bad one is refused, the old one goes on', async () => {
  await using master = await createMaster(T)
  await using s1 = await createSlave(T)
  await using s2 = await createSlave(T)
  const [a, b] = [
    { name: 'a', database: s1.uri },
    { name: 'b', database: s2.uri },
  ]
  const m = { name: 'm', database: master.uri }
  using file = new ConfigFile({ masters: [{ ...m, slaves: [a] }] })
  await using running = new Running(['--config', file.path])
  await running.until({ event: 'in-sync', slave: 'a' })
  file.write('masters: [{ name: m }]')
  running.child.kill('SIGHUP')
  const refused = await running.until({ event: 'configuration-refused' })
  expect(refused['message']).toMatch(/line 1: masters\[0\]\.database: is missing/)
  file.write({ masters: [{ ...m, slaves: [{ ...a, throttle: { pause: '1ms' } }, b] }] })
  running.child.kill('SIGHUP')
  expect(await running.until({ event: 'reconfigured' })).toMatchObject({
    added: ['m/b'],
    removed: [],
    changed: ['m/a'],
  })
  await running.until({ event: 'in-sync', slave: 'b' })
  file.write({ masters: [{ ...m, slaves: [b] }] })
  running.child.kill('SIGHUP')
  expect(await running.until({ event: 'reconfigured' })).toMatchObject({ removed: ['m/a'] })
  await master.query(`insert into orders values (1, 'a')`)
  await running.until({ event: 'applied', slave: 'b', rows: 1 })
  expect(await s1.query('table orders')).toEqual([])
  expect(await running.end('SIGTERM')).toBe(0)
  // Nobody was connected anew.
  expect(running.early.filter(({ event }) => event === 'connected').map(({ slave }) => slave)).toEqual(['a', 'b'])
})

test('SIGTERM in a transfer: it is finished', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  using file = new ConfigFile({
    masters: [{ name: 'm', database: master.uri, slaves: [{ name: 's', database: slave.uri }] }],
  })
  await using running = new Running(['--config', file.path])
  await running.until({ event: 'in-sync' })
  const reader = await slave.connect()
  await reader.query('begin; lock table orders in access exclusive mode')
  await master.query(`insert into orders values (1, 'a')`)
  const waits = `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  await expect.poll(() => slave.query(waits)).toEqual([{ n: 1 }])
  running.child.kill('SIGTERM')
  await reader.query('rollback')
  await running.until({ event: 'applied', rows: 1 })
  await running.until({ event: 'stopped' })
  expect(await running.exited()).toBe(0)
  expect(await slave.query('table orders')).toEqual([{ id: 1, v: 'a' }])
})

test('a second process is told who holds the slave, and takes over when that one is gone', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  const entry = { name: 's', database: slave.uri, pace: { retry: '300ms' } }
  using file = new ConfigFile({ masters: [{ name: 'm', database: master.uri, slaves: [entry] }] })
  await using first = new Running(['--config', file.path])
  await first.until({ event: 'in-sync' })
  await using second = new Running(['--config', file.path])
  const { message } = await second.until({ event: 'failed', code: 'BUSY' })
  expect(message).toContain(`rserv on ${hostname()} ${first.child.pid}`)
  await first.end('SIGKILL')
  await master.query(`insert into orders values (1, 'a')`)
  await second.until({ event: 'applied', rows: 1 })
  expect(await second.end('SIGTERM')).toBe(0)
})
