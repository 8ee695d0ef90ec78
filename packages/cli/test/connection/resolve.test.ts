import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resolveDatabase } from '../../src/connection/resolve.ts'
import { UsageError } from '../../src/errors.ts'

/** Nothing listens there, so TLS is not asked for. */
const NOWHERE = { PGPORT: '1', PGHOST: '127.0.0.1' }

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'rserv-home-'))
})
afterAll(() => rmSync(home, { recursive: true }))

function resolve(text: string, options: Record<string, string> = {}, env: Record<string, string> = {}) {
  return resolveDatabase(text, options, { env: { HOME: home, ...env } })
}

async function password(text: string, env: Record<string, string> = {}): Promise<unknown> {
  return (await resolve(text, {}, { ...NOWHERE, ...env })).password
}

async function mode(text: string): Promise<unknown> {
  return (await resolve(`host=127.0.0.1 port=1 ${text}`)).ssl
}

describe('what wins', () => {
  test('the argument, then the flags, then the service, then the environment', async () => {
    const services = join(home, 'services')
    writeFileSync(services, '[s]\nhost=127.0.0.2\nport=2\nuser=service\ndbname=service\n')
    const env = { PGSERVICEFILE: services, PGSERVICE: 's', PGHOST: '127.0.0.3', PGUSER: 'env', PGPASSWORD: 'env' }
    const config = await resolve('port=3', { user: 'flag', port: '4' }, env)
    expect(config).toMatchObject({ host: '127.0.0.2', port: 3, user: 'flag', database: 'service', password: 'env' })
  })

  test('a service of the argument wins over PGSERVICE', async () => {
    const services = join(home, 'services2')
    writeFileSync(
      services,
      '# two\n[a]\ndbname=a\nport=1\nhost=127.0.0.1\n\n[b]\ndbname = b\nport=1\nhost=127.0.0.1\n[a]\ndbname=other\n',
    )
    const env = { PGSERVICEFILE: services, PGSERVICE: 'a' }
    expect((await resolve('service=b', {}, env)).database).toBe('b')
    expect((await resolve('port=1', {}, env)).database).toBe('a')
  })

  test('empty flags and variables count for nothing', async () => {
    const config = await resolve('shop', { user: '' }, { ...NOWHERE, PGUSER: 'env', PGPASSWORD: '' })
    expect(config).toMatchObject({ user: 'env', database: 'shop' })
    expect(config).not.toHaveProperty('password')
  })
})

describe('defaults', () => {
  test('the login, the database of its name, application_name rserv, no TLS where the server has none', async () => {
    const user = userInfo().username
    const config = await resolve('port=1 host=127.0.0.1')
    expect(config).toEqual({ host: '127.0.0.1', port: 1, user, database: user, ssl: false, application_name: 'rserv' })
  })

  test('localhost where no server has a socket', async () => {
    expect((await resolve('port=1')).host).toBe('localhost')
  })
})

describe('service files', () => {
  test('~/.pg_service.conf, then PGSYSCONFDIR', async () => {
    const system = join(home, 'sysconf')
    mkdirSync(system)
    writeFileSync(join(system, 'pg_service.conf'), '[sys]\nhost=127.0.0.1\nport=1\ndbname=sys\n')
    const env = { PGSYSCONFDIR: system }
    expect((await resolve('service=sys', {}, env)).database).toBe('sys')
    writeFileSync(join(home, '.pg_service.conf'), '[sys]\nhost=127.0.0.1\nport=1\ndbname=mine\n')
    expect((await resolve('service=sys', {}, env)).database).toBe('mine')
    await expect(resolve('service=none', {}, env)).rejects.toThrow(/no service none/)
  })
})

describe('password files', () => {
  const LINES = [
    '# comment:1:*:*:never',
    '127.0.0.1:1:shop:repl:plain',
    '127.0.0.1:1:a\\:b:re\\\\pl:odd\\:pass\\\\word',
    'localhost:1:*:socket:by socket',
    '*:*:*:anyone:first',
    '*:*:*:anyone:second',
    'short:line',
  ]
  beforeAll(() => writeFileSync(join(home, '.pgpass'), LINES.join('\n'), { mode: 0o600 }))

  test('~/.pgpass by host, port, database and user', async () => {
    expect(await password('dbname=shop user=repl')).toBe('plain')
    expect(await password('dbname=other user=repl')).toBeUndefined()
    expect(await password('dbname=shop user=repl port=2')).toBeUndefined()
    expect(await password(`dbname=a:b user='re\\\\pl'`)).toBe('odd:pass\\word')
    expect(await password('dbname=x user=anyone')).toBe('first')
  })

  test('a password that was given wins', async () => {
    expect(await password('dbname=shop user=repl password=given')).toBe('given')
    expect(await password('dbname=shop user=repl', { PGPASSWORD: 'env' })).toBe('env')
  })

  test('the name of the host counts, not its address', async () => {
    expect(await password('host=localhost hostaddr=127.0.0.1 dbname=x user=socket')).toBe('by socket')
  })

  test('PGPASSFILE and passfile name another file', async () => {
    const file = join(home, 'other-passwords')
    writeFileSync(file, '*:*:*:repl:other', { mode: 0o600 })
    expect(await password('dbname=shop user=repl', { PGPASSFILE: file })).toBe('other')
    expect(await password(`dbname=shop user=repl passfile=${file}`)).toBe('other')
    expect(await password('dbname=shop user=repl', { PGPASSFILE: join(home, 'none') })).toBeUndefined()
  })

  test('one that others can read is not used, and it is said', async () => {
    const file = join(home, 'open-passwords')
    writeFileSync(file, '*:*:*:*:leaked')
    chmodSync(file, 0o644)
    const warnings: string[] = []
    const env = { HOME: home, ...NOWHERE, PGPASSFILE: file }
    const config = await resolveDatabase('shop', {}, { env, warn: (message) => warnings.push(message) })
    expect(config.password).toBeUndefined()
    expect(warnings.join()).toContain('chmod 0600')
  })
})

describe('sslmode', () => {
  test('as in libpq', async () => {
    expect(await mode('sslmode=disable')).toBe(false)
    expect(await mode('sslmode=prefer')).toBe(false)
    expect(await mode('sslmode=require')).toEqual({ rejectUnauthorized: false })
    expect(await mode('sslmode=verify-ca')).toEqual({ checkServerIdentity: expect.any(Function) })
    expect(await mode('sslmode=verify-full')).toEqual({})
    expect(await mode('sslrootcert=system')).toEqual({})
    expect(await mode('sslmode=verify-full hostaddr=127.0.0.1')).toEqual({ servername: '127.0.0.1' })
  })

  test('a root certificate makes require verify', async () => {
    const ca = join(home, 'ca.crt')
    writeFileSync(ca, 'certificate')
    expect(await mode(`sslmode=require sslrootcert=${ca}`)).toEqual({
      ca: Buffer.from('certificate'),
      checkServerIdentity: expect.any(Function),
    })
  })

  test('certificates lie in ~/.postgresql', async () => {
    const folder = join(home, '.postgresql')
    mkdirSync(folder)
    for (const file of ['root.crt', 'postgresql.crt', 'postgresql.key']) writeFileSync(join(folder, file), file)
    const files = {
      ca: Buffer.from('root.crt'),
      cert: Buffer.from('postgresql.crt'),
      key: Buffer.from('postgresql.key'),
    }
    expect(await mode('sslmode=verify-full')).toEqual(files)
    rmSync(folder, { recursive: true })
  })

  test('never over a Unix socket', async () => {
    expect((await resolve('host=/tmp sslmode=require')).ssl).toBe(false)
  })
})

describe('other parameters', () => {
  test('are handed on', async () => {
    const text = `host=127.0.0.1 port=1 connect_timeout=7 application_name=me options='-c a=b' channel_binding=require`
    expect(await resolve(text)).toMatchObject({
      connectionTimeoutMillis: 7000,
      application_name: 'me',
      options: '-c a=b',
      enableChannelBinding: true,
    })
  })
})

describe('refused', () => {
  test.each([
    'port=x',
    'port=0',
    'port=65536',
    'port=1.5',
    'host=a,b',
    'sslmode=maybe',
    'connect_timeout=soon',
    'sslmode=require sslrootcert=system',
    'sslmode=require sslrootcert=/no/such/file',
  ])('%s', async (text) => {
    await expect(resolve(`dbname=x ${text}`)).rejects.toThrow(UsageError)
  })
})
