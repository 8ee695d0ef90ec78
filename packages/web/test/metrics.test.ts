import type { ServiceState } from '@rserv/service'
import { expect, test } from 'vitest'
import { startWeb } from '../src/index.ts'
import { METRICS } from '../src/metrics/metrics.ts'
import type { Family } from './exposition.ts'
import { readExposition, valueOf } from './exposition.ts'
import { FRESH, FULL, ODD } from './states.ts'

const NOON = Date.parse('2026-11-26T12:00:00Z') / 1000

async function exported(state: ServiceState): Promise<Map<string, Family>> {
  await using web = await startWeb({ state: () => state })
  const answer = await fetch(`${web.url}/metrics`)
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return readExposition(await answer.text())
}

test('every metric is exported as it is documented, with names by the conventions of Prometheus', async () => {
  const families = await exported(FULL)
  for (const [name, { type }] of families) expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
  const own = [...families.keys()].filter((name) => name.startsWith('rserv_'))
  expect(own).toEqual(METRICS.map(({ name }) => name))
  for (const { name, type, labels, help } of METRICS) {
    const family = families.get(name)
    expect({ name, type: family?.type, help: family?.help }).toEqual({ name, type, help })
    expect([name, family?.samples.length]).not.toEqual([name, 0])
    for (const sample of family?.samples ?? []) expect(Object.keys(sample.labels)).toEqual(labels)
    expect(name).toMatch(/^rserv_[a-z]+(_[a-z]+)*$/)
    // A unit in the help is one in the name.
    expect([name, /in bytes\b/.test(help)]).toEqual([name, /_bytes(_total)?$/.test(name)])
    expect([name, /^seconds\b|\bseconds\b.* in the|in seconds\b|seconds until|^Seconds/.test(help)]).toEqual([
      name,
      /_seconds(_total)?$/.test(name),
    ])
  }
  for (const name of ['process_resident_memory_bytes', 'nodejs_eventloop_lag_seconds'])
    expect(families.has(name)).toBe(true)
})

test('values, times and odd names arrive as they are', async () => {
  const families = await exported(FULL)
  const table = { master: 'shop', slave: 'berlin', schema: ODD.schema, table: ODD.name }
  const berlin = { master: 'shop', slave: 'berlin' }
  expect(valueOf(families, 'rserv_build_info', { version: '1.2.3' })).toBe(1)
  expect(valueOf(families, 'rserv_start_timestamp_seconds')).toBe(NOON)
  expect(valueOf(families, 'rserv_master_up', { master: 'shop' })).toBe(1)
  expect(valueOf(families, 'rserv_master_log_limit_bytes')).toBe(1e9)
  expect(valueOf(families, 'rserv_slave_lag_seconds', berlin)).toBe(1.5)
  expect(valueOf(families, 'rserv_slave_followed', berlin)).toBe(1)
  expect(valueOf(families, 'rserv_slave_phase', { ...berlin, phase: 'copying' })).toBe(1)
  expect(valueOf(families, 'rserv_slave_phase', { ...berlin, phase: 'in-sync' })).toBe(0)
  expect(valueOf(families, 'rserv_slave_transferred_bytes_total', berlin)).toBe(3000)
  expect(valueOf(families, 'rserv_slave_last_transfer_seconds', berlin)).toBe(0.25)
  expect(valueOf(families, 'rserv_slave_last_error_timestamp_seconds', { ...berlin, code: 'CONNECT' })).toBe(NOON)
  expect(valueOf(families, 'rserv_slave_tables', { ...berlin, state: 'copying' })).toBe(1)
  expect(valueOf(families, 'rserv_table_lag_keys', table)).toBe(20)
  expect(valueOf(families, 'rserv_table_copied_rows', table)).toBe(5)
  expect(valueOf(families, 'rserv_table_log_bytes', { schema: ODD.schema, table: ODD.name })).toBe(8192)
})

test('what is not known is left out, not 0', async () => {
  const families = await exported(FRESH)
  for (const name of [
    'rserv_slave_lag_seconds',
    'rserv_slave_lag_rows',
    'rserv_master_log_bytes',
    'rserv_table_lag_rows',
  ]) {
    expect([name, families.get(name)?.samples]).toEqual([name, []])
  }
  expect(valueOf(families, 'rserv_slave_followed')).toBe(0)
  expect(valueOf(families, 'rserv_master_up')).toBe(0)
})

test('a page is of one state, and what has gone is not told any more', async () => {
  let state = FULL
  let asked = 0
  await using web = await startWeb({
    state: () => {
      asked++
      return state
    },
  })
  const page = async (): Promise<Map<string, Family>> =>
    readExposition(await (await fetch(`${web.url}/metrics`)).text())
  expect(valueOf(await page(), 'rserv_slave_transfers_total')).toBe(3)
  expect(valueOf(await page(), 'rserv_slave_transfers_total')).toBe(3)
  expect(asked).toBe(2)
  state = { ...FULL, masters: [] }
  expect((await page()).get('rserv_slave_transfers_total')?.samples).toEqual([])
})
