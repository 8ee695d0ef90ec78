import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/pgbouncer')

/** pgbouncer's program; scripts/test-tools.mjs gets it where it can. */
export function findPooler(): string | undefined {
  return ['/usr/sbin/pgbouncer', join(CACHE, 'usr/sbin/pgbouncer')].find((file) => existsSync(file))
}

export interface Pooler extends AsyncDisposable {
  /** The same database through the pooler. */
  through(config: ClientConfig): ClientConfig
}

/** Starts a pooler before a server. With one server process for each database whatever leaks is met by the next. */
export async function startPooler(
  program: string,
  server: ClientConfig,
  { mode, size = 1 }: { mode: 'transaction' | 'session'; size?: number },
): Promise<Pooler> {
  const folder = mkdtempSync(join(tmpdir(), 'rserv-pooler-'))
  const port = await freePort()
  const users = join(folder, 'users')
  writeFileSync(users, `"${server.user}" "${typeof server.password === 'string' ? server.password : ''}"\n`)
  const configuration = join(folder, 'pgbouncer.ini')
  writeFileSync(
    configuration,
    `[databases]\n* = host=${server.host} port=${server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}
unix_socket_dir =\nauth_type = trust\nauth_file = ${users}\npool_mode = ${mode}\ndefault_pool_size = ${size}\nmax_client_conn = 100\n`,
  )
  // It refuses to run as root.
  for (const [path, rights] of [
    [folder, 0o755],
    [users, 0o644],
    [configuration, 0o644],
  ] as const)
    chmodSync(path, rights)
  const libraries = ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((one) => join(CACHE, 'usr/lib', one)).join(':')
  const account = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}
  const child = spawn(program, [configuration], {
    ...account,
    cwd: folder,
    stdio: 'ignore',
    env: { ...process.env, LD_LIBRARY_PATH: libraries },
  })
  await untilListening(port)
  return {
    through: (config) => ({ ...config, host: '127.0.0.1', port }),
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit')
      child.kill('SIGINT')
      child.kill('SIGTERM')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 1; ; tries++) {
    const socket = connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch (error) {
      if (tries > 300) throw error
      await sleep(50)
    } finally {
      socket.destroy()
    }
  }
}

async function freePort(): Promise<number> {
  const probe = createServer()
  probe.listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  return typeof address === 'object' && address ? address.port : 0
}
