import type { Server } from '@rserv/embedded'
import { startServer } from '@rserv/embedded'
import { TEST_SETTINGS } from '@rserv/test-utils'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import type { Registry } from '../published/registry.ts'
import { startRegistry } from '../published/registry.ts'
import type { Scene, ServiceSpec } from './page.ts'

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url))
const PSQL = fileURLToPath(new URL('psql.mjs', import.meta.url))
const DEFAULT_MAJOR = 18

/**
 * Servers of their own for the pages, so that databases have the names that pages give them: one for each major version,
 * kept for all pages, and those that a page names, which end with it.
 */
export class Stage implements AsyncDisposable {
  readonly #servers = new Map<string, Server>()
  #registry: Registry | undefined

  /** The reader's machine: a home, an empty folder, programs, and databases. */
  async set(scene: Scene): Promise<Machine> {
    const machine = new Machine()
    const services = Object.entries(scene.services ?? {})
    for (const [name, spec] of services) await this.#create(spec.database ?? name, spec)
    const sections = services.map(([name, spec]) => this.#section(name, spec))
    machine.write(join(machine.home, '.pg_service.conf'), sections.join('\n'))
    for (const [name, sql] of Object.entries(scene.sql ?? {})) await this.#query(name, scene, sql)
    if (scene.installs) machine.write(join(machine.home, '.npmrc'), await this.#npmrc(machine))
    else machine.addPrograms()
    return machine
  }

  /** Runs statements on a service, as its user. */
  async run(name: string, scene: Scene, sql: string): Promise<void> {
    const spec = scene.services?.[name]
    if (!spec) throw new Error(`the scene has no service ${name}`)
    await query(this.#config(name, spec), sql)
  }

  /** A crash. */
  async stop(name: string): Promise<void> {
    await this.#named(name).stop('immediate', { keepFolder: true })
  }

  async start(name: string): Promise<void> {
    await this.#named(name).start()
  }

  /** Drops the databases and roles that a page has made, and ends its servers. */
  async clear(): Promise<void> {
    for (const [name, server] of this.#servers) {
      if (/^\d+$/.test(name)) continue
      this.#servers.delete(name)
      await server.stop('immediate')
    }
    for (const server of this.#servers.values()) {
      const client = new pg.Client(server.config())
      await client.connect()
      const databases = await client.query<{ name: string }>(
        `select datname as name from pg_database where not datistemplate and datname <> 'postgres'`,
      )
      for (const { name } of databases.rows)
        await client.query(`drop database ${client.escapeIdentifier(name)} with (force)`)
      const roles = await client.query<{ name: string }>(
        `select rolname as name from pg_roles where rolname !~ '^pg_' and rolname <> 'postgres'`,
      )
      for (const { name } of roles.rows) {
        const role = client.escapeIdentifier(name)
        await client.query(`drop owned by ${role}; drop role ${role}`)
      }
      await client.end()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers.values()) await server.stop()
    await this.#registry?.[Symbol.asyncDispose]()
  }

  async #query(name: string, scene: Scene, sql: string): Promise<void> {
    const spec = scene.services?.[name] ?? {}
    await query(this.#server(spec).config(spec.database ?? name), sql)
  }

  async #create(database: string, spec: ServiceSpec): Promise<void> {
    if (!this.#servers.has(serverOf(spec))) {
      const server = await startServer({ major: spec.major ?? DEFAULT_MAJOR, settings: TEST_SETTINGS })
      this.#servers.set(serverOf(spec), server)
    }
    const client = new pg.Client(this.#server(spec).config())
    await client.connect()
    const found = await client.query('select from pg_database where datname = $1', [database])
    if (found.rowCount === 0) await client.query(`create database ${client.escapeIdentifier(database)}`)
    await client.end()
  }

  #server(spec: ServiceSpec): Server {
    return this.#named(serverOf(spec))
  }

  #named(name: string): Server {
    const server = this.#servers.get(name)
    if (!server) throw new Error(`the scene has no server ${name}`)
    return server
  }

  #config(name: string, spec: ServiceSpec): pg.ClientConfig {
    const config = this.#server(spec).config(spec.database ?? name)
    return spec.user === undefined ? config : { ...config, user: spec.user, password: spec.password }
  }

  #section(name: string, spec: ServiceSpec): string {
    const { host, port, user, password, database } = this.#config(name, spec)
    return `[${name}]\nhost=${host}\nport=${port}\nuser=${user}\npassword=${String(password)}\ndbname=${database}\n`
  }

  async #npmrc(machine: Machine): Promise<string> {
    this.#registry ??= await startRegistry()
    // Other packages come from where this machine has them from.
    const inherited = ['registry', 'cache'].map((name) => `${name}=${npmConfig(name)}\n`).join('')
    const quiet = 'prefer-offline=true\naudit=false\nfund=false\nupdate-notifier=false\n'
    return `${inherited}${this.#registry.settings}prefix=${machine.global}\n${quiet}`
  }
}

function serverOf({ server, major = DEFAULT_MAJOR }: ServiceSpec): string {
  return server ?? String(major)
}

function npmConfig(name: string): string {
  return execFileSync('npm', ['config', 'get', name], { encoding: 'utf8', cwd: tmpdir() }).trim()
}

/** A server that a page kept, and did not come to stop. */
function stopKept(pidFile: string): void {
  if (existsSync(pidFile)) process.kill(Number(readFileSync(pidFile, 'utf8').split('\n')[0]), 'SIGQUIT')
}

async function query(config: pg.ClientConfig, sql: string): Promise<void> {
  const client = new pg.Client(config)
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Where the reader types. */
export class Machine implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), 'rserv-docs-'))
  readonly home = join(this.root, 'home')
  readonly folder = join(this.home, 'work')
  /** For `npm install -g`. */
  readonly global = join(this.root, 'global')
  readonly scripts = join(this.root, 'scripts')
  readonly #bin = join(this.root, 'bin')

  constructor() {
    // The embedded server runs as another account where the tests run as root.
    chmodSync(this.root, 0o755)
    for (const folder of [this.folder, this.global, this.scripts, this.#bin]) mkdirSync(folder, { recursive: true })
    if (spawnSync('psql', ['--version']).error) this.#program('psql', PSQL)
  }

  /** Without the PG* variables and the npm settings of whoever runs the tests. */
  get env(): Record<string, string> {
    const own = Object.entries(process.env).filter(([name]) => !/^(PG|npm_|NODE_|VITEST|RSERV_)/.test(name))
    const path = [join(this.global, 'bin'), this.#bin, process.env['PATH'] ?? ''].join(delimiter)
    const set = { HOME: this.home, PATH: path, TZ: 'UTC', LC_ALL: 'C.UTF-8', TERM: 'dumb', PGCONNECT_TIMEOUT: '30' }
    return { ...(Object.fromEntries(own) as Record<string, string>), ...set }
  }

  write(file: string, text: string): void {
    writeFileSync(file, text, { mode: 0o600 })
  }

  /** rserv and the executables of 2000, as `npm install -g @rserv/cli` links them. */
  addPrograms(): void {
    for (const file of readdirSync(BIN)) this.#program(file.replace(/\.js$/, ''), join(BIN, file))
  }

  #program(name: string, file: string): void {
    const target = join(this.#bin, name)
    writeFileSync(target, `#!/bin/sh\nexec '${process.execPath}' '${file}' "$@"\n`)
    chmodSync(target, 0o755)
  }

  [Symbol.dispose](): void {
    for (const name of readdirSync(this.folder)) stopKept(join(this.folder, name, 'data', 'postmaster.pid'))
    rmSync(this.root, { recursive: true, force: true })
  }
}
