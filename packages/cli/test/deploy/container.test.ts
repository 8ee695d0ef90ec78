import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startServer } from '@rserv/embedded'
import type { TestDatabase } from '@rserv/test-utils'
import { testMajor } from '@rserv/test-utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRegistry } from '../published/registry.ts'
import { ConfigFile, createMaster, createSlave } from '../running/config-file.ts'
import { CERTIFICATES, nodeImage } from './node-image.ts'
import { buildImage, Container, runOnce, tryPodman, WHY_NO_PODMAN } from './podman.ts'

const DEPLOY = fileURLToPath(new URL('../../../../deploy', import.meta.url))
const T = 'create table orders (id int primary key, v text)'
const ID = randomBytes(5).toString('hex')
const IMAGE = `localhost/rserv-test:${ID}`

/** npm as it is set up here, and the packages of this workspace. */
function npmrc(ofRegistry: string): string {
  const files = ['userconfig', 'globalconfig'].map((name) =>
    execFileSync('npm', ['config', 'get', name, '--location=user'], { encoding: 'utf8' }).trim(),
  )
  const own = files.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8'))
  const certificates = existsSync(CERTIFICATES) ? `cafile=${CERTIFICATES}` : ''
  return [...own, certificates, ofRegistry].join('\n')
}

const skipped = WHY_NO_PODMAN === undefined ? '' : ` (${WHY_NO_PODMAN})`

describe.skipIf(WHY_NO_PODMAN)(`the container image${skipped}`, { timeout: 300_000 }, () => {
  let base: string
  beforeAll(async () => {
    base = await nodeImage()
    await using registry = await startRegistry()
    using folder = new ConfigFile('')
    const file = join(folder.folder, 'npmrc')
    writeFileSync(file, npmrc(registry.settings))
    await buildImage({ context: DEPLOY, tag: IMAGE, args: { NODE: base }, volumes: [`${file}:/root/.npmrc:ro`] })
  }, 600_000)
  afterAll(async () => {
    await tryPodman(['rmi', '--force', IMAGE])
    if (base !== process.env['RSERV_TEST_NODE_IMAGE']) await tryPodman(['rmi', '--force', base])
  })

  test('runs a configuration as an ordinary user: rows follow, SIGHUP reads it again, stop ends it in order', async () => {
    await using server = await startServer({ major: testMajor() })
    await using master = await createMaster(T)
    await using berlin = await createSlave(T, server.config())
    await using paris = await createSlave(T, server.config())
    using file = folderOf(master, server.config())
    const write = (...slaves: TestDatabase[]): void => file.write(configOf(slaves))
    write(berlin)
    const mounted = ['--volume', `${file.folder}:/etc/rserv:ro`]
    await using running = await Container.start(`rserv-test-${ID}`, mounted, [IMAGE])
    await master.query(`insert into orders values (1, 'a')`)
    await expect.poll(() => berlin.query('table orders')).toEqual([{ id: 1, v: 'a' }])
    expect(await running.exec('node', '-p', 'process.getuid()')).toBe('1000')
    write(berlin, paris)
    await running.signal('HUP')
    await expect.poll(() => paris.query('table orders')).toEqual([{ id: 1, v: 'a' }])
    const status = async (): Promise<unknown> =>
      JSON.parse(await runOnce(mounted, [IMAGE, 'status', 'service=shop', '--json']))
    await expect.poll(status).toMatchObject({ servers: [{ rowsBehind: 0 }, { rowsBehind: 0 }] })
    expect(await running.stop()).toBe(0)
    expect(await running.logs()).toMatch(/ ended.*in order/)
  })

  test('its health is what /healthz says, with the token, where it is told to ask', async () => {
    await using master = await createMaster(T)
    await using slave = await createSlave(T)
    using file = folderOf(master, slave.config)
    file.write({ ...configOf([slave]), http: { listen: '0.0.0.0:0' } })
    const options = ['--volume', `${file.folder}:/etc/rserv:ro`, '--env', 'RSERV_TOKEN=a-token-of-the-environment']
    await using running = await Container.start(`rserv-test-${ID}-b`, options, [IMAGE])
    const listening = async (): Promise<string> => /listening on \S+:(\d+)/.exec(await running.logs())?.[1] ?? ''
    await expect.poll(listening).not.toBe('')
    expect(await running.healthy()).toBe(true)
    const url = `http://127.0.0.1:${await listening()}/healthz`
    const asking = async (env: readonly string[]): Promise<boolean> => {
      const all = [...env, `RSERV_HEALTH_URL=${url}`].flatMap((one) => ['--env', one])
      await using other = await Container.start(`rserv-test-${ID}-c`, [...options, ...all], [IMAGE])
      return await other.healthy()
    }
    expect(await asking([])).toBe(true)
    expect(await asking(['RSERV_TOKEN=another-token-than-that'])).toBe(false)
    expect(await running.stop()).toBe(0)
    expect(await asking([])).toBe(false)
  })
})

const entry = ({ name, config: { port, user } }: TestDatabase): object => ({
  name,
  database: `host=127.0.0.1 port=${port} user=${user} dbname=${name}`,
})

/** Slaves by name, over TCP, without passwords. */
function configOf(slaves: readonly TestDatabase[]): object {
  return { masters: [{ name: 'shop', database: 'service=shop', slaves: slaves.map(entry) }] }
}

/** A folder for /etc/rserv, with the passwords of user 1000. */
function folderOf(master: TestDatabase, slaves: TestDatabase['config']): ConfigFile {
  const file = new ConfigFile('')
  const { port, user } = master.config
  const passwords = [master.config, slaves].map(({ port, user, password }) => `*:${port}:*:${user}:${password}\n`)
  const [services, pgpass] = ['pg_service.conf', 'pgpass'].map((name) => join(file.folder, name)) as [string, string]
  writeFileSync(services, `[shop]\nhost=127.0.0.1\nport=${port}\nuser=${user}\ndbname=${master.name}\n`)
  writeFileSync(pgpass, passwords.join(''), { mode: 0o600 })
  chownSync(pgpass, 1000, 1000)
  chmodSync(file.folder, 0o755)
  return file
}
