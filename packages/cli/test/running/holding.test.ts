import { expect, test } from 'vitest'
import { rserv, rservJson } from '../support.ts'
import { ConfigFile, createMaster, createSlave } from './config-file.ts'
import { Running } from './process.ts'

const T = 'create table orders (id int primary key, v text)'

test('pause, resume and throttle reach a process that runs', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  using file = new ConfigFile({
    masters: [{ name: 'm', database: master.uri, slaves: [{ name: 'berlin', database: slave.uri }] }],
  })
  await using running = new Running(['--config', file.path])
  await running.until({ event: 'in-sync' })
  await rserv('pause', master.uri, 'berlin')
  expect(await running.until({ event: 'paused' })).toMatchObject({ slave: 'berlin', by: 'command' })
  await master.query(`insert into orders values (1, 'a')`)
  await rserv('throttle', master.uri, 'berlin', '--rows', '100', '--pause', '0.01')
  expect(await running.until({ event: 'throttled' })).toMatchObject({ throttle: { rowsPerSecond: 100, pauseMs: 10 } })
  expect(await slave.query('table orders')).toEqual([])
  await rserv('resume', master.uri)
  await running.until({ event: 'resumed' })
  await running.until({ event: 'applied', rows: 1 })
  await rserv('throttle', master.uri, 'berlin', '--off')
  expect(await running.until({ event: 'throttled', throttle: null })).toMatchObject({ slave: 'berlin' })
  expect(await running.end('SIGTERM')).toBe(0)
})

test('log rows younger than the policy stay, although every slave has them', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  const m = { name: 'm', database: master.uri, slaves: [{ name: 's', database: slave.uri }] }
  const http = { listen: '127.0.0.1:0' }
  using file = new ConfigFile({ http, masters: [{ ...m, clean: { every: '200ms', keep: '1h' } }] })
  await using running = new Running(['--config', file.path])
  const { url } = await running.until({ event: 'listening' })
  const cleanedAt = async (): Promise<string> => {
    const state = (await (await fetch(`${url}/api/state`)).json()) as { masters: { cleanedAt: string | null }[] }
    return state.masters[0]?.cleanedAt ?? ''
  }
  await running.until({ event: 'in-sync' })
  await master.query(`insert into orders values (1, 'a')`)
  await running.until({ event: 'applied', rows: 1 })
  await running.until({ event: 'in-sync' })
  const before = new Date().toISOString()
  await expect.poll(async () => (await cleanedAt()) > before).toBe(true)
  expect(await master.query('select count(*)::int as n from rserv.log_1')).toEqual([{ n: 1 }])
  file.write({ http, masters: [{ ...m, clean: { every: '200ms' } }] })
  running.child.kill('SIGHUP')
  await running.until({ event: 'reconfigured' })
  expect(await running.until({ event: 'cleaned' })).toMatchObject({ master: 'm', rows: 1 })
  expect(await running.end('SIGTERM')).toBe(0)
})

test('a log over its limit: the slowest slave is detached, the others go on; resync brings it back', async () => {
  await using master = await createMaster(T)
  await using s1 = await createSlave(T)
  await using s2 = await createSlave(T)
  const slaves = [
    { name: 'quick', database: s1.uri },
    { name: 'slow', database: s2.uri },
  ]
  const m = { name: 'm', database: master.uri, clean: { every: '1h' }, slaves }
  using file = new ConfigFile({ masters: [{ ...m, logLimit: { size: '16MB' } }] })
  await using running = new Running(['--config', file.path])
  for (const slave of ['quick', 'slow']) await running.until({ event: 'in-sync', slave })
  await rserv('pause', master.uri, 'slow')
  await running.until({ event: 'paused' })
  await master.query(`insert into orders values (0, 'a')`)
  await running.until({ event: 'applied', slave: 'quick', rows: 1 })
  await master.query(`insert into orders select g, 'a' from generate_series(1, 400000) g`)
  await running.until({ event: 'applied', slave: 'quick', rows: 400_000 })
  expect(await running.until({ event: 'log-limit' })).toMatchObject({ slowest: 'slow', limitBytes: 16 * 1024 ** 2 })
  file.write({ masters: [{ ...m, logLimit: { size: '16MB', over: 'detach' } }] })
  running.child.kill('SIGHUP')
  expect(await running.until({ event: 'detached' })).toMatchObject({ slave: 'slow', server: 'slow', code: 'DETACHED' })
  const logRows = async (): Promise<unknown> => (await rservJson<{ tables: object[] }>('status', master.uri)).tables
  await expect.poll(logRows).toMatchObject([{ logRows: 0 }])
  await rserv('resume', master.uri, 'slow')
  await rserv('resync', master.uri, s2.uri)
  await running.until({ event: 'attached' })
  expect(running.early.some(({ event }) => event === 'resumed')).toBe(false)
  await expect.poll(() => s2.query('select count(*)::int as n from orders')).toEqual([{ n: 400_001 }])
  expect(await running.end('SIGTERM')).toBe(0)
}, 180_000)
