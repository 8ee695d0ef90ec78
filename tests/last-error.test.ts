import type { ServerStatus, StatusResult } from '@rserv/core'
import { forgetSlave, replicate, status } from '@rserv/core'
import { expect, test } from 'vitest'
import { startFollowing } from './support/following.ts'
import { replicatedPair } from './support/pair.ts'
import { startProxy } from './support/proxy.ts'

const DDL = 'create table a (id int primary key, v int)'
/** No server is there. */
const NOWHERE = { host: '127.0.0.1', port: 1, database: 'nowhere', user: 'nobody' }

type Pair = Awaited<ReturnType<typeof replicatedPair>>

async function only({ master }: Pick<Pair, 'master'>): Promise<ServerStatus> {
  const { servers } = await status(master.config)
  expect(servers).toHaveLength(1)
  return servers[0] as ServerStatus
}

/** Asks until the answer is as wanted: an error is recorded beside what is done next. */
async function until<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean): Promise<T> {
  return expect
    .poll(async () => wanted(await ask()), { timeout: 30_000 })
    .toBe(true)
    .then(ask)
}

test('replicate leaves its last error with the master, until it works again', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  expect((await only(pair)).lastError).toBeNull()
  await slave.query('alter table a add constraint small check (v < 10)')
  await master.query('insert into a values (1, 10)')
  for (const attempts of [1, 2]) {
    await expect(pair.sync()).rejects.toMatchObject({ code: 'SQL' })
    const { lastError } = await only(pair)
    expect(lastError).toMatchObject({ code: 'SQL', attempts, overAt: null })
    expect(lastError?.message).toContain('small')
    expect(attempts === 1).toBe(lastError?.since === lastError?.at)
  }
  await slave.query('alter table a drop constraint small')
  await pair.sync()
  const { lastError } = await only(pair)
  expect(lastError).toMatchObject({ code: 'SQL', attempts: 2 })
  expect(Date.parse(lastError?.overAt ?? '')).toBeGreaterThanOrEqual(Date.parse(lastError?.at ?? ''))
  // The next one is another.
  await slave.query('alter table a rename to b')
  await master.query('insert into a values (2, 2)')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'NO_SUCH_TABLE' })
  expect((await only(pair)).lastError).toMatchObject({ code: 'NO_SUCH_TABLE', attempts: 1, overAt: null })
})

test('a slave that is gone is recognised by where it was reached before; one that never was is told apart', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  const proxy = await startProxy(slave.config)
  const { config } = proxy
  await replicate(master.config, config)
  const address = `${slave.name} at 127.0.0.1:${config.port}`
  expect(await only(pair)).toMatchObject({ address, lastError: null })
  await proxy[Symbol.asyncDispose]()
  await expect(replicate(master.config, config)).rejects.toMatchObject({ code: 'CONNECT', side: 'slave' })
  await expect(replicate(master.config, NOWHERE)).rejects.toMatchObject({ code: 'CONNECT', side: 'slave' })
  const { servers, otherErrors } = await status(master.config)
  expect(servers).toMatchObject([{ lastError: { code: 'CONNECT', attempts: 1, overAt: null } }])
  expect(otherErrors).toMatchObject([{ address: 'nowhere at 127.0.0.1:1', nodeId: null, code: 'CONNECT' }])
  // It is the same slave, wherever it is.
  await pair.sync()
  expect((await only(pair)).lastError?.overAt).not.toBeNull()
})

test('a master that is gone is recorded on the slave', async () => {
  await using pair = await replicatedPair(DDL)
  const proxy = await startProxy(pair.master.config)
  const { config } = proxy
  await replicate(config, pair.slave.config)
  await proxy[Symbol.asyncDispose]()
  await expect(replicate(config, pair.slave.config)).rejects.toMatchObject({ code: 'CONNECT', side: 'master' })
  const look = async (): Promise<StatusResult> => status(pair.master.config, [pair.slave.config])
  const { servers, slaves } = await look()
  expect(servers).toMatchObject([{ lastError: null }])
  expect(slaves).toMatchObject([{ errors: [{ code: 'CONNECT', attempts: 1, overAt: null }] }])
  await pair.sync()
  expect(await look()).toMatchObject({ slaves: [{ errors: [{ overAt: expect.any(String) as string }] }] })
})

test('who follows records its errors too, over when it works again, also without anything to do', async () => {
  await using pair = await replicatedPair(DDL)
  await using proxy = await startProxy(pair.slave.config)
  const following = startFollowing({ master: pair.master, slave: { config: proxy.config } })
  await following.next('connected')
  proxy.onSent = () => 'cut'
  proxy.cut()
  await pair.master.query('insert into a values (1, 1)')
  await following.next('failed')
  await following.next('failed')
  await until(
    () => only(pair),
    ({ lastError }) => (lastError?.attempts ?? 0) >= 2 && lastError?.overAt === null,
  )
  await pair.sync()
  // That was somebody else, but of the same pair: it works.
  await until(
    () => only(pair),
    ({ lastError }) => lastError?.overAt === null,
  )
  proxy.onSent = () => 'pass'
  await following.next('connected')
  await until(
    () => only(pair),
    ({ lastError }) => typeof lastError?.overAt === 'string',
  )
  await following.stop()
})

test('a bookkeeping that is locked or full of rights holds no transfer up, and hides no error', async () => {
  await using pair = await replicatedPair(DDL)
  const { master, slave } = pair
  const blocker = await master.connect()
  await blocker.query('begin; lock table rserv.last_error, rserv.transfer_rate in access exclusive mode')
  await master.query('insert into a values (1, 1)')
  expect(await pair.sync()).toMatchObject({ outcome: 'applied' })
  await slave.query('alter table a rename to b')
  await master.query('insert into a values (2, 2)')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'NO_SUCH_TABLE' })
  await blocker.query('rollback')
  await slave.query('alter table b rename to a')
  await pair.syncAndCompare('a')
})

test('that somebody else works for the slave is no error', async () => {
  await using pair = await replicatedPair(DDL)
  const following = startFollowing(pair)
  await following.next('connected')
  await pair.master.query('insert into a values (1, 1)')
  await following.next('in-sync')
  await slaveIsHeld(pair)
  await following.stop()
  expect((await only(pair)).lastError).toBeNull()
})

async function slaveIsHeld(pair: Pair): Promise<void> {
  const second = startFollowing(pair)
  const failed = await second.next('failed')
  expect(failed).toMatchObject({ error: { code: 'BUSY' } })
  await second.stop()
}

test('a slave that is forgotten takes its errors along', async () => {
  await using pair = await replicatedPair(DDL)
  await pair.slave.query('alter table a rename to b')
  await pair.master.query('insert into a values (2, 2)')
  await expect(pair.sync()).rejects.toMatchObject({ code: 'NO_SUCH_TABLE' })
  const { server } = await only(pair)
  await forgetSlave(pair.master.config, server)
  expect(await status(pair.master.config)).toMatchObject({ servers: [], otherErrors: [] })
})
