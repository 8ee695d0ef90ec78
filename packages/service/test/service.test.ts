import { detachSlave, pauseSlaves, resumeSlaves, resync, throttleSlaves } from '@rserv/core'
import type { ClientConfig } from 'pg'
import { expect, test } from 'vitest'
import { Rates } from '../src/rates.ts'
import type { MasterSpec, ServiceSpec } from '../src/index.ts'
import { createService } from '../src/index.ts'
import { backends, createMaster, createSlave, Reading, stateOf } from './support.ts'

const T = 'create table t (id int primary key, v int)'
const NOWHERE = { host: '127.0.0.1', port: 1, database: 'nowhere', user: 'nobody' }
const QUICK = { lookMs: 50, measureMs: 100, countKeysMs: 100 }

function spec(...masters: MasterSpec[]): ServiceSpec {
  return { backends, masters: masters.map((master) => ({ ...QUICK, ...master })) }
}

/** A master `m` with its slave `s`. */
function oneSlave(master: { config: ClientConfig }, slave: { config: ClientConfig }): ServiceSpec {
  return spec({ name: 'm', source: master.config, slaves: [{ name: 's', source: slave.config }] })
}

test('keeps slaves of several masters up; one that is down delays nobody; its state is true while nothing moves', async () => {
  await using m1 = await createMaster(T)
  await using m2 = await createMaster(T)
  await using s1 = await createSlave(T)
  await using s2 = await createSlave(T)
  await using service = createService(
    spec(
      {
        name: 'one',
        source: m1.config,
        slaves: [
          { name: 'a', source: s1.config },
          { name: 'down', source: NOWHERE },
        ],
      },
      { name: 'two', source: async () => m2.config, slaves: [{ name: 'b', source: async () => s2.config }] },
    ),
  )
  const reading = new Reading(service)
  await reading.until({ kind: 'failed', slave: 'down' })
  await reading.until({ kind: 'in-sync', slave: 'a' })
  await reading.until({ kind: 'in-sync', slave: 'b' })
  for (const master of [m1, m2]) await master.query('insert into t values (1, 1), (2, 2)')
  await reading.until({ kind: 'applied', master: 'one', slave: 'a', rows: 2 })
  await reading.until({ kind: 'applied', master: 'two', slave: 'b', rows: 2 })
  await expect.poll(() => stateOf(service, 'a').phase).toBe('in-sync')
  expect(await s1.query('select count(*)::int as n from t')).toEqual([{ n: 2 }])
  expect(stateOf(service, 'a')).toMatchObject({
    phase: 'in-sync',
    rowsBehind: 0,
    keysBehind: 0,
    secondsBehind: 0,
    lastError: null,
    last: { rows: 2 },
    tables: [{ schema: 'public', name: 't', state: 'synced', rowsBehind: 0 }],
  })
  expect(stateOf(service, 'down')).toMatchObject({ phase: 'retrying', lastError: { code: 'CONNECT' }, syncId: null })
  await expect.poll(() => service.state().masters[0]).toMatchObject({ connected: true, tables: [{ name: 't' }] })
  expect(JSON.stringify(service.state())).not.toContain(String(m1.config.password))
  await service.stop()
  await service.done
  expect(stateOf(service, 'a').phase).toBe('stopped')
})

test('a paused slave stays where it is, also over a new start, and what waits for it is counted', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  const one = spec({
    name: 'm',
    source: master.config,
    slaves: [{ name: 's', source: slave.config, server: 'berlin' }],
  })
  {
    await using service = createService(one)
    const reading = new Reading(service)
    await reading.until({ kind: 'in-sync' })
    await pauseSlaves(master.config, { server: 'berlin' })
    expect(await reading.until({ kind: 'paused' })).toMatchObject({ by: 'command' })
  }
  await master.query('insert into t select g, 0 from generate_series(1, 5) g; update t set v = 1')
  await using service = createService(one)
  const reading = new Reading(service)
  await reading.until({ kind: 'paused' })
  await expect.poll(() => stateOf(service, 's')).toMatchObject({ phase: 'paused', rowsBehind: 10, keysBehind: 5 })
  expect(stateOf(service, 's').secondsBehind).toBeGreaterThan(0)
  expect(await slave.query('table t')).toEqual([])
  service.pause('s')
  await resumeSlaves(master.config)
  expect(await reading.until({ kind: 'paused' })).toMatchObject({ by: 'program' })
  service.resume('m/s')
  await reading.until({ kind: 'resumed' })
  await reading.until({ kind: 'applied', rows: 5 })
  expect(() => service.pause('nobody')).toThrow('there is no slave nobody')
})

test('a throttle by command holds instead of the one of the specification', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  const throttle = { pauseMs: 1_000_000 }
  await using service = createService(
    spec({ name: 'm', source: master.config, slaves: [{ name: 's', source: slave.config, throttle }] }),
  )
  const reading = new Reading(service)
  await reading.until({ kind: 'applied' })
  expect(stateOf(service, 's').throttle).toEqual(throttle)
  await throttleSlaves(master.config, { rowsPerSecond: 1000 })
  expect(await reading.until({ kind: 'throttled' })).toMatchObject({ throttle: { rowsPerSecond: 1000 } })
  await reading.until({ kind: 'in-sync' })
})

test('a table that cannot be applied is parked, named, and rejoins', async () => {
  await using master = await createMaster(`${T}; create table u (id int primary key, v int)`)
  await using slave = await createSlave(`${T}; create table u (id int primary key, v int)`)
  await using service = createService(
    spec({ name: 'm', source: master.config, slaves: [{ name: 's', source: slave.config, parkedRetryMs: 1 }] }),
  )
  const reading = new Reading(service)
  await reading.until({ kind: 'in-sync' })
  await slave.query('alter table u add constraint small check (v < 10)')
  await master.query('insert into u values (1, 100); insert into t values (1, 100)')
  expect(await reading.until({ kind: 'parked' })).toMatchObject({ table: { name: 'u' }, problem: { code: 'SQL' } })
  await expect.poll(() => slave.query('table t')).toEqual([{ id: 1, v: 100 }])
  await expect.poll(() => stateOf(service, 's').tables).toMatchObject([{ state: 'synced' }, { state: 'parked' }])
  await slave.query('alter table u drop constraint small')
  expect(await reading.until({ kind: 'rejoined' })).toMatchObject({ table: { name: 'u' } })
  expect(await slave.query('table u')).toEqual([{ id: 1, v: 100 }])
  expect(stateOf(service, 's').tables).toMatchObject([{ state: 'synced' }, { state: 'synced', error: null }])
  // Nobody writes: that nothing is left is told all the same.
  await expect.poll(() => stateOf(service, 's').phase).toBe('in-sync')
})

test('reconfigure adds, removes and changes slaves without touching the others', async () => {
  await using master = await createMaster(T)
  await using s1 = await createSlave(T)
  await using s2 = await createSlave(T)
  const [a, b] = [
    { name: 'a', source: s1.config },
    { name: 'b', source: s2.config },
  ]
  const m = { name: 'm', source: master.config }
  await using service = createService(spec({ ...m, slaves: [a] }))
  const reading = new Reading(service)
  await reading.until({ kind: 'in-sync', slave: 'a' })
  await service.reconfigure(spec({ ...m, slaves: [{ ...a, throttle: { pauseMs: 1 } }, b] }))
  expect(await reading.until({ kind: 'reconfigured' })).toMatchObject({ added: ['m/b'], removed: [], changed: ['m/a'] })
  await reading.until({ kind: 'in-sync', slave: 'b' })
  await service.reconfigure(spec({ ...m, slaves: [b] }))
  expect(await reading.until({ kind: 'reconfigured' })).toMatchObject({ added: [], removed: ['m/a'], changed: [] })
  await master.query('insert into t values (1, 1)')
  await reading.until({ kind: 'applied', slave: 'b', rows: 1 })
  expect(await s1.query('table t')).toEqual([])
  expect(reading.seen.filter(({ kind, slave }) => kind === 'connected' && slave === 'b')).toHaveLength(1)
  expect(reading.seen.filter(({ kind, slave }) => kind === 'connected' && slave === 'a')).toHaveLength(1)
  await expect(service.reconfigure(spec({ ...m, slaves: [b, b] }))).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
  expect(service.state().masters[0]?.slaves.map(({ name }) => name)).toEqual(['b'])
})

test('an aborted signal ends it at once; a strict one is ended by what cannot pass', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  const abort = new AbortController()
  const service = createService(
    spec({ name: 'm', source: master.config, slaves: [{ name: 's', source: slave.config }] }),
    {
      signal: abort.signal,
    },
  )
  const reading = new Reading(service)
  await reading.until({ kind: 'in-sync' })
  abort.abort()
  await reading.until({ kind: 'stopped' })
  await service.done
  const swapped = spec({ name: 'm', source: slave.config, slaves: [{ name: 's', source: master.config }] })
  const strict = createService({ ...swapped, strict: true })
  await expect(strict.done).rejects.toMatchObject({ code: 'WRONG_ROLE' })
  await using patient = createService(swapped)
  expect(await new Reading(patient).until({ kind: 'failed' })).toMatchObject({ problem: { code: 'WRONG_ROLE' } })
})

test('a slave that another process detaches is held, and followed again when it is resynced', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  await using service = createService(oneSlave(master, slave))
  const reading = new Reading(service)
  await reading.until({ kind: 'in-sync' })
  await detachSlave(master.config, { server: slave.name, why: 'a test' })
  expect(await reading.until({ kind: 'detached' })).toMatchObject({ server: slave.name, problem: { code: 'DETACHED' } })
  expect(stateOf(service, 's')).toMatchObject({ phase: 'detached', lastError: { code: 'DETACHED' } })
  await master.query('insert into t values (1, 1)')
  await resync(master.config, slave.config, { backends })
  await reading.until({ kind: 'attached' })
  await reading.until({ kind: 'applied', rows: 1 })
  expect(await slave.query('table t')).toEqual([{ id: 1, v: 1 }])
})

test('many slaves are no leak of listeners', async () => {
  await using master = await createMaster(T)
  const warnings: Error[] = []
  const note = (warning: Error): void => void warnings.push(warning)
  process.on('warning', note)
  const slaves = Array.from({ length: 12 }, (_, index) => ({ name: `s${index}`, source: NOWHERE }))
  {
    const { signal } = new AbortController()
    await using service = createService(spec({ name: 'm', source: master.config, slaves }), { signal })
    const reading = new Reading(service)
    for (const { name } of slaves) await reading.until({ kind: 'failed', slave: name })
  }
  process.off('warning', note)
  expect(warnings).toEqual([])
})

test('when it was last heard of goes on while nobody writes, and stands still while a transfer waits for a lock', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  await using service = createService(oneSlave(master, slave))
  const reading = new Reading(service)
  await reading.until({ kind: 'in-sync' })
  const heard = (): string => stateOf(service, 's').lookedAt ?? ''
  const first = heard()
  await expect.poll(() => heard() > first).toBe(true)
  const reader = await slave.connect()
  await reader.query('begin; lock table t in access exclusive mode')
  await master.query('insert into t values (1, 1)')
  const waiting = `select count(*)::int as n from pg_locks where not granted and relation = 't'::regclass`
  await expect.poll(() => slave.query(waiting)).toEqual([{ n: 1 }])
  const still = heard()
  // The master is looked at all the same.
  await throttleSlaves(master.config, { rowsPerSecond: 1000 })
  await reading.until({ kind: 'throttled' })
  expect(heard()).toBe(still)
  await reader.query('rollback')
  await reading.until({ kind: 'applied' })
  await expect.poll(() => heard() > still).toBe(true)
})

test('the time left is what transfers of about that size took, and what the throttle allows', () => {
  const rates = new Rates(0)
  expect(rates.estimate(1)).toBeNull()
  expect(rates.estimate(0)).toBe(0)
  for (let n = 0; n < 100; n++) rates.add({ rows: 1, elapsedMs: 10, at: n })
  rates.add({ rows: 100_000, elapsedMs: 1000, at: 200 })
  expect(rates.estimate(5)).toBeCloseTo(0.05)
  expect(rates.estimate(400_000)).toBeCloseTo(4)
})
