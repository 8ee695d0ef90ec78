import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createDatabase } from '@rserv/test-utils'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serviceOf, startUnit } from '../deploy/unit.ts'
import { createMaster, createSlave } from '../running/config-file.ts'
import { UserFolder } from './folder.ts'
import type { Registry } from './registry.ts'
import { startRegistry } from './registry.ts'

const DOCS = new URL('../../../../docs/guides/install.md', import.meta.url)

let registry: Registry
let folder: UserFolder
beforeAll(async () => {
  registry = await startRegistry()
  folder = new UserFolder(registry.settings)
  await folder.install('@rserv/cli')
})
afterAll(async () => {
  folder[Symbol.dispose]()
  await registry[Symbol.asyncDispose]()
})

const run = (program: string, ...args: string[]): Promise<string> => folder.run(folder.bin(program), ...args)

describe('npm install @rserv/cli in an empty folder', () => {
  test('brings both backends', async () => {
    const { backends } = JSON.parse(await folder.run(folder.bin('rserv'), 'backends', '--json')) as {
      backends: { name: string }[]
    }
    expect(backends.map(({ name }) => name)).toEqual(['plpgsql', 'plv8'])
  })

  test('brings the historic executables, which replicate', async () => {
    await using master = await createDatabase()
    await using slave = await createDatabase()
    for (const { query } of [master, slave]) await query('create table t (id int primary key, v text)')
    await run('MasterInit', master.uri)
    await run('SlaveInit', slave.uri)
    await run('MasterAddTable', master.uri, 't', 'id')
    await run('SlaveAddTable', slave.uri, 't', 'id')
    await master.query(`insert into t values (1, 'a')`)
    await run('Replicate', master.uri, slave.uri)
    expect(await slave.query('table t')).toEqual([{ id: 1, v: 'a' }])
    expect(await run('GetSyncID', '--noverbose', slave.uri)).toMatch(/^\d+$/)
    await run('MasterSync', master.uri, await run('GetSyncID', '--noverbose', slave.uri))
    await run('CleanLog', master.uri, await run('GetSyncID', '--noverbose', slave.uri))
    for (const program of ['PrepareSnapshot', 'ApplySnapshot', 'InitRservTest']) await run(program, '--help')
  })

  test('installs the packages that the docs list, no larger than they say', () => {
    const page = readFileSync(DOCS, 'utf8')
    const listed = [...page.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name)
    expect(folder.packages()).toEqual(listed.toSorted())
    const [, count, megabytes] = /(\d+) packages, ([\d.]+) MB/.exec(page) ?? []
    expect(folder.packages()).toHaveLength(Number(count))
    expect(folder.size() / 1e6).toBeLessThanOrEqual(Number(megabytes))
    expect(folder.size() / 1e6).toBeGreaterThan(Number(megabytes) * 0.8)
  })

  test('installs no test code and no source', async () => {
    const files = (await folder.run('find', 'node_modules/@rserv', '-type', 'f')).split('\n')
    expect(files.filter((file) => /\/(test|src)\/|\.test\.|vitest/.test(file))).toEqual([])
  })
})

describe('@rserv/core beside it', () => {
  const program = `import { masterInit, RservError, replicate } from '@rserv/core'
    import { backend } from '@rserv/trigger-plpgsql'
    const outcome = await masterInit({ port: 1, host: '127.0.0.1' }, { backends: async () => backend }).catch(
      (error) => error instanceof RservError && error.code)
    console.log(typeof replicate, outcome)`

  test('is imported by JavaScript', async () => {
    folder.write('program.js', program)
    expect(await folder.run(process.execPath, 'program.js')).toBe('function CONNECT\n')
  })

  test.each(['nodenext', 'bundler'])(
    'is imported by TypeScript, with types, resolved as %s does',
    async (resolution) => {
      folder.write('program.ts', `${program}\nconst no: string = masterInit\nexport { no }`)
      const compilerOptions = {
        module: resolution === 'nodenext' ? 'nodenext' : 'esnext',
        moduleResolution: resolution,
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable'],
        types: ['node'],
        strict: true,
        noEmit: true,
      }
      folder.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['program.ts'] }))
      const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
      const { stdout } = await folder.spawn(process.execPath, tsc, '--pretty', 'false')
      // The one mistake in it is found, so the types are there, and nothing else.
      expect(stdout.trim().split('\n')).toEqual([expect.stringMatching(/^program\.ts\(\d+,7\): error TS2322: /)])
    },
  )
})

const UNIT = fileURLToPath(new URL('../../../../deploy/rserv.service', import.meta.url))
const noSystemd = spawnSync('systemd-analyze', ['--version']).error !== undefined

describe('the systemd unit', () => {
  test.skipIf(noSystemd)(`is understood by systemd${noSystemd ? ' (no systemd-analyze here)' : ''}`, () => {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', UNIT], { encoding: 'utf8' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test('its command, as an ordinary user with the password as a credential, follows, reads again, ends in order', async () => {
    const T = 'create table orders (id int primary key, v text)'
    await using master = await createMaster(T)
    await using berlin = await createSlave(T)
    await using paris = await createSlave(T)
    const etc = mkdtempSync(join(folder.path, 'etc-'))
    for (const path of [folder.path, etc]) chmodSync(path, 0o755)
    const { host, port, user = '', password } = master.config
    const database = ({ name }: { name: string }): string =>
      `host=${String(host)} port=${port} user=${user} dbname=${name}`
    const write = (...slaves: { name: string }[]): void => {
      const entries = slaves.map((slave) => ({ name: slave.name, database: database(slave) }))
      // YAML has JSON in it.
      const config = { masters: [{ name: 'shop', database: database(master), slaves: entries }] }
      writeFileSync(join(etc, 'rserv.yaml'), JSON.stringify(config))
    }
    write(berlin)
    const pgpass = join(etc, 'pgpass')
    writeFileSync(pgpass, `*:*:*:*:${String(password)}\n`, { mode: 0o400 })
    if (process.getuid?.() === 0) chownSync(pgpass, 65_534, 65_534)
    const service = serviceOf(etc)
    const running = startUnit(service, { folder: dirname(folder.bin('rserv')), credentials: etc })
    using _ = { [Symbol.dispose]: () => void running.kill('SIGKILL') }
    const [out, exited] = [running.stdout && text(running.stdout), once(running, 'exit')]
    await master.query(`insert into orders values (1, 'a')`)
    await expect.poll(() => berlin.query('table orders')).toEqual([{ id: 1, v: 'a' }])
    write(berlin, paris)
    execFileSync('sh', ['-c', service.get('ExecReload') ?? ''], { env: { MAINPID: String(running.pid) } })
    await expect.poll(() => paris.query('table orders')).toEqual([{ id: 1, v: 'a' }])
    // KillMode=mixed: SIGTERM to the main process.
    running.kill('SIGTERM')
    expect(await exited).toEqual([0, null])
    expect(await out).toMatch(/ ended.*in order/)
  })
})
