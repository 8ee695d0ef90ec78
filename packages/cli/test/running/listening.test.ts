import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseListen } from '../../src/listening/address.ts'
import { runHere } from '../in-process.ts'
import { ConfigFile, createMaster, createSlave } from './config-file.ts'
import { Running } from './process.ts'

const T = 'create table orders (id int primary key, v text)'
const [TOKEN, ANOTHER] = ['a-token-of-the-environment', 'a-token-that-is-in-a-file']

async function ask(url: string, token?: string): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  return (await fetch(`${url}/healthz`, { headers })).status
}

test('run and ui read where to listen alike', () => {
  expect(parseListen(undefined)).toEqual({ host: '127.0.0.1', port: 8432 })
  expect(parseListen('8000')).toEqual({ host: '127.0.0.1', port: 8000 })
  expect(parseListen(':8000')).toEqual({ host: '127.0.0.1', port: 8000 })
  expect(parseListen('db1.example.net')).toEqual({ host: 'db1.example.net', port: 8432 })
  expect(parseListen('[::1]:0')).toEqual({ host: '[::1]', port: 0 })
  for (const wrong of ['', 'a b:1', '::1:80', '127.0.0.1:65536', '99999'])
    expect(() => parseListen(wrong)).toThrow(/^not /)
})

test('the token is that of RSERV_TOKEN, and of a file as soon as one is named; another in the file holds from SIGHUP on', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  const masters = [{ name: 'm', database: master.uri, slaves: [{ name: 's', database: slave.uri }] }]
  using file = new ConfigFile({ masters, http: { listen: '0.0.0.0:0' } })
  const tokenFile = join(file.folder, 'token')
  await using running = new Running(['--config', file.path], { RSERV_TOKEN: TOKEN })
  const local = async (): Promise<string> =>
    String((await running.until({ event: 'listening' }))['url']).replace('0.0.0.0', '127.0.0.1')
  const first = await local()
  expect([await ask(first), await ask(first, ANOTHER), await ask(first, TOKEN)]).toEqual([401, 401, 200])
  writeFileSync(tokenFile, `${ANOTHER}\na remark\n`)
  file.write({ masters, http: { listen: '0.0.0.0:0', tokenFile } })
  running.child.kill('SIGHUP')
  const second = await local()
  expect([await ask(second, TOKEN), await ask(second, ANOTHER)]).toEqual([401, 200])
  writeFileSync(tokenFile, '\n')
  running.child.kill('SIGHUP')
  const { message } = await running.until({ event: 'configuration-refused' })
  expect(message).toContain('has an empty first line')
  expect(await ask(second, ANOTHER)).toBe(200)
  writeFileSync(tokenFile, TOKEN)
  running.child.kill('SIGHUP')
  expect(await ask(await local(), TOKEN)).toBe(200)
  expect(await running.end('SIGTERM')).toBe(0)
  expect(JSON.stringify(running.early)).not.toContain(TOKEN)
})

test('a port that is taken is refused, and the server that there was goes on', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  const masters = [{ name: 'm', database: master.uri, slaves: [{ name: 's', database: slave.uri }] }]
  using file = new ConfigFile({ masters, http: { listen: '127.0.0.1:0' } })
  await using running = new Running(['--config', file.path])
  const { url } = await running.until({ event: 'listening' })
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  file.write({ masters, http: { listen: `127.0.0.1:${(other.address() as AddressInfo).port}` } })
  running.child.kill('SIGHUP')
  expect(await running.until({ event: 'configuration-refused' })).toMatchObject({ code: 'BAD_ARGUMENT' })
  other.close()
  expect(await ask(String(url))).toBe(200)
  expect(await running.end('SIGTERM')).toBe(0)
})

test('run is refused where others could reach it without a token, or with one that can be guessed', async () => {
  const here = ['run', 'm', 's', '--listen', '0.0.0.0:0']
  const open = await runHere(here)
  expect(open).toMatchObject({ code: 1 })
  expect(open.stderr).toMatch(/listening on 0\.0\.0\.0 would show everything.*Give a token/s)
  expect(await runHere(here, { env: { RSERV_TOKEN: 'short' } })).toMatchObject({ code: 1 })
  expect(await runHere([...here, '--token-file', 'none'])).toMatchObject({ code: 2 })
})
