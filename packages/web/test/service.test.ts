import type { ServiceState } from '@rserv/service'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { WebServer } from '../src/index.ts'
import { startWeb } from '../src/index.ts'
import type { Family } from './exposition.ts'
import { readExposition, valueOf } from './exposition.ts'
import { readEvents } from './reading-events.ts'
import { startRunning } from './running.ts'

const DDL = 'create table orders (id int primary key, v int); create table "Odd ""one""" (id int primary key)'
const DOWN = { name: 'down', source: { host: '127.0.0.1', port: 1, database: 'nowhere', user: 'nobody' }, retryMs: 500 }
const BERLIN = { master: 'shop', slave: 'berlin' }

interface Answer<T> {
  readonly status: number
  readonly body: T
}

async function get<T>(web: WebServer, path: string): Promise<Answer<T>> {
  const answer = await fetch(`${web.url}${path}`)
  return { status: answer.status, body: (await answer.json()) as T }
}

async function metrics(web: WebServer): Promise<Map<string, Family>> {
  return readExposition(await (await fetch(`${web.url}/metrics`)).text())
}

/** Asks for a metric until it has the value. */
async function until(
  web: WebServer,
  name: string,
  value: unknown,
  labels: Record<string, string> = BERLIN,
): Promise<void> {
  const ask = async (): Promise<number | null> => {
    const families = await metrics(web)
    return families.get(name)?.samples.some((sample) => sample.labels['slave'] === labels['slave'])
      ? valueOf(families, name, labels)
      : null
  }
  await expect.poll(ask, { timeout: 30_000 }).toEqual(value)
}

test('what moves between databases is told as numbers, and a slave that is down makes it unready, not unhealthy', async () => {
  await using running = await startRunning(DDL, [DOWN])
  const { master, service } = running
  await using web = await startWeb(service)
  await until(web, 'rserv_slave_phase', 1, { ...BERLIN, phase: 'in-sync' })
  await master.query('insert into orders select i, 0 from generate_series(1, 30) i; delete from orders where id > 20')
  await until(web, 'rserv_slave_transferred_rows_total', 30)
  await until(web, 'rserv_slave_lag_seconds', 0)
  const families = await metrics(web)
  expect(valueOf(families, 'rserv_slave_transferred_bytes_total', BERLIN)).toBeGreaterThan(0)
  expect(valueOf(families, 'rserv_slave_failures_total', BERLIN)).toBe(0)
  expect(valueOf(families, 'rserv_slave_failures_total', { slave: 'down' })).toBeGreaterThan(0)
  expect(valueOf(families, 'rserv_slave_applied_timestamp_seconds', BERLIN)).toBeLessThanOrEqual(Date.now() / 1000)
  expect(valueOf(families, 'rserv_slave_followed', { slave: 'down' })).toBe(0)
  expect(valueOf(families, 'rserv_master_up', { master: 'shop' })).toBe(1)
  await until(web, 'rserv_table_lag_rows', 0, { ...BERLIN, schema: 'public', table: 'Odd "one"' })
  expect(await get(web, '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(await get(web, '/readyz')).toEqual({
    status: 503,
    body: {
      ready: false,
      slaves: [
        { ...BERLIN, ready: true, phase: 'in-sync', reason: null, error: null, retryAt: null },
        {
          master: 'shop',
          slave: 'down',
          ready: false,
          phase: 'retrying',
          reason: expect.stringMatching(/the last attempt failed: cannot connect to database nowhere/) as string,
          error: expect.objectContaining({ code: 'CONNECT' }) as unknown,
          retryAt: expect.stringMatching(/^\d{4}-/) as string,
        },
      ],
    },
  })
  const { body } = await get<ServiceState>(web, '/api/state')
  expect(body.masters[0]?.slaves.map(({ name }) => name)).toEqual(['berlin', 'down'])
})

test('a backlog is counted while a slave is paused, and worked off when it is resumed', async () => {
  await using running = await startRunning(DDL)
  const { master, service } = running
  await using web = await startWeb(service)
  await until(web, 'rserv_slave_phase', 1, { ...BERLIN, phase: 'in-sync' })
  expect((await get(web, '/readyz')).status).toBe(200)
  service.pause('berlin')
  await until(web, 'rserv_slave_phase', 1, { ...BERLIN, phase: 'paused' })
  await master.query('insert into orders select i, 0 from generate_series(1, 50) i; update orders set v = 1')
  await until(web, 'rserv_slave_lag_rows', 100)
  await until(web, 'rserv_slave_lag_keys', 50)
  await until(web, 'rserv_table_lag_keys', 50, { ...BERLIN, table: 'orders' })
  expect(valueOf(await metrics(web), 'rserv_slave_lag_seconds', BERLIN)).toBeGreaterThan(0)
  expect(await get(web, '/readyz')).toMatchObject({
    status: 503,
    body: { slaves: [{ ready: false, phase: 'paused', reason: expect.stringContaining('rserv resume') as string }] },
  })
  service.resume('berlin')
  await until(web, 'rserv_slave_lag_keys', 0)
  expect((await get(web, '/readyz')).status).toBe(200)
})

test('a parked table is told, and that it came back', async () => {
  await using running = await startRunning(DDL)
  const { master, slave, service } = running
  await using web = await startWeb(service)
  await until(web, 'rserv_slave_phase', 1, { ...BERLIN, phase: 'in-sync' })
  await slave.query('alter table orders add constraint small check (v < 10)')
  await master.query('insert into orders values (1, 10)')
  await until(web, 'rserv_table_parked', 1, { ...BERLIN, table: 'orders' })
  await until(web, 'rserv_slave_tables', 1, { ...BERLIN, state: 'parked' })
  await slave.query('alter table orders drop constraint small')
  await until(web, 'rserv_table_parked', 0, { ...BERLIN, table: 'orders' })
  await until(web, 'rserv_slave_tables', 2, { ...BERLIN, state: 'synced' })
})

test('changes of the state arrive as events', async () => {
  await using running = await startRunning(DDL)
  const { master, service } = running
  await using web = await startWeb(service, [], { everyMs: 20 })
  const events = readEvents(`${web.url}/api/events`)
  const rows = async (): Promise<number | undefined> => {
    const { data } = await events.next()
    return (JSON.parse(data ?? '{}') as Partial<ServiceState>).masters?.[0]?.slaves[0]?.totals.rows
  }
  expect(await rows()).toBe(0)
  await master.query('insert into orders values (1, 1), (2, 2)')
  let seen = await rows()
  while (seen !== 2) seen = await rows()
  await events.end()
})

test('no password reaches any answer', async () => {
  await using role = await createRole('superuser')
  await using running = await startRunning(DDL, [{ ...DOWN, source: { ...DOWN.source, password: role.password } }], {
    user: role.name,
    password: role.password,
  })
  const token = 'a-token-of-enough-characters'
  await using web = await startWeb(running.service, [], { token })
  const headers = { authorization: `Bearer ${token}` }
  const read = async (path: string): Promise<string> => (await fetch(`${web.url}${path}`, { headers })).text()
  await expect.poll(() => read('/readyz'), { timeout: 30_000 }).toContain('"ready":true')
  await expect.poll(() => read('/readyz'), { timeout: 30_000 }).toContain('nowhere')
  const events = readEvents(`${web.url}/api/events`, headers)
  const { data } = await events.next()
  await events.end()
  for (const text of [data ?? '', await read('/readyz'), await read('/api/state'), await read('/metrics')]) {
    expect(text).toContain('berlin')
    expect(text).not.toContain(role.password)
    expect(text).not.toContain(token)
  }
})
