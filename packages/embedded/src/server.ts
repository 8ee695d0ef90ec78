import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import { give } from './account.ts'
import { DEFAULT_MAJOR } from './binaries.ts'
import type { Cluster } from './cluster.ts'
import { openCluster } from './cluster.ts'
import { EmbeddedError } from './errors.ts'
import { watch } from './watchdog.ts'

export interface StartOptions {
  /** PostgreSQL's major version; default 18. */
  major?: number | undefined
  /** Folder with `bin` of an installed PostgreSQL of that major version, to be used instead of the one from npm. */
  installation?: string | undefined
  /** Folder for the cluster; one that holds a cluster is started again. Default: a temporary one, removed at stop. */
  dir?: string | undefined
  /** TCP port on 127.0.0.1; default a free one. */
  port?: number | undefined
  /** Server settings. */
  settings?: Record<string, string> | undefined
  /** The server outlives this process; default false. */
  keep?: boolean | undefined
}

/** A running PostgreSQL server. */
export interface Server extends AsyncDisposable {
  readonly major: number
  readonly host: '127.0.0.1'
  readonly port: number
  readonly user: 'postgres'
  readonly password: string
  readonly folder: string
  readonly dataDir: string
  readonly logFile: string
  /** Process id of the postmaster. */
  readonly pid: number
  config(database?: string): ClientConfig
  /** Stops it, by default `fast`; `immediate` is a crash. Removes a temporary folder unless told to keep it. */
  stop(mode?: 'fast' | 'immediate', options?: { keepFolder?: boolean }): Promise<void>
  /** Starts it again on the same port after a stop with `keepFolder`; with other settings than before, if given. */
  start(settings?: Record<string, string>): Promise<void>
}

const START_SECONDS = 60

/**
 * Starts a real PostgreSQL server that listens on 127.0.0.1 only.
 * @throws EmbeddedError
 */
export async function startServer(options: StartOptions = {}): Promise<Server> {
  const cluster = openCluster(options.major ?? DEFAULT_MAJOR, options.dir, options.installation)
  const server = new EmbeddedServer(cluster, options, options.port ?? (await freePort()))
  await server.start()
  return server
}

class EmbeddedServer implements Server {
  readonly host = '127.0.0.1'
  readonly user = 'postgres'
  readonly port: number
  readonly #cluster: Cluster
  readonly #options: StartOptions
  #child: ChildProcess | undefined
  #stopWatching: (() => void) | undefined

  constructor(cluster: Cluster, options: StartOptions, port: number) {
    this.#cluster = cluster
    this.#options = options
    this.port = port
  }

  get major(): number {
    return this.#cluster.major
  }
  get password(): string {
    return this.#cluster.password
  }
  get folder(): string {
    return this.#cluster.folder
  }
  get dataDir(): string {
    return this.#cluster.dataDir
  }
  get logFile(): string {
    return this.#cluster.logFile
  }
  get pid(): number {
    return this.#child?.pid ?? 0
  }

  config(database = 'postgres'): ClientConfig {
    return { host: this.host, port: this.port, user: this.user, password: this.password, database }
  }

  async start(settings = this.#options.settings): Promise<void> {
    const { binaries, dataDir, folder, account, logFile, temporary } = this.#cluster
    const log = openSync(logFile, 'a', 0o600)
    give(logFile, account)
    this.#child = spawn(join(binaries, 'bin', 'postgres'), ['-D', dataDir, ...this.#settings(settings)], {
      ...account,
      cwd: folder,
      // Ctrl-C in the terminal is ours to handle, not the server's.
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, LC_ALL: 'C', PGDATA: dataDir },
    })
    this.#child.unref()
    if (!this.#options.keep) this.#stopWatching = watch(this.pid, temporary ? folder : undefined)
    await this.#untilReady()
  }

  #settings(own: Record<string, string> | undefined): string[] {
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: '',
      ...own,
    }
    return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  }

  async #untilReady(): Promise<void> {
    const pidFile = join(this.dataDir, 'postmaster.pid')
    for (let tries = 0; tries < START_SECONDS * 20; tries++) {
      if (this.#child?.exitCode !== null) break
      // Line 1 is the process id, line 8 the state.
      const lines = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').split('\n') : []
      if (Number(lines[0]) === this.pid && lines[7]?.trim() === 'ready') return
      await sleep(50)
    }
    const tail = readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n')
    await this.stop('immediate')
    throw new EmbeddedError(
      `PostgreSQL ${this.major} did not start on port ${this.port}:\n${tail}`,
      'Is the port in use?',
    )
  }

  async stop(mode: 'fast' | 'immediate' = 'fast', options: { keepFolder?: boolean } = {}): Promise<void> {
    const child = this.#child
    if (child?.pid && child.exitCode === null && child.signalCode === null) {
      // Otherwise nothing would keep this process alive until the server has ended.
      child.ref()
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
      await ended
    }
    this.#child = undefined
    this.#stopWatching?.()
    if (this.#cluster.temporary && !options.keepFolder) rmSync(this.folder, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#options.keep) await this.stop()
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => probe.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}
