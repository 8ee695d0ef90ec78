import { execFileSync } from 'node:child_process'
import { appendFileSync, chmodSync, copyFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Server } from '@rserv/embedded'
import { startServer } from '@rserv/embedded'
import { testMajor } from '@rserv/test-utils'
import type { ClientConfig } from 'pg'
import pg from 'pg'

const SETTINGS = { fsync: 'off', autovacuum: 'off', wal_keep_size: '256MB' }

/** A server of its own, of which physical copies can be made. */
export function startOriginal(major: number): Promise<Server> {
  return startServer({ major, settings: SETTINGS })
}

/** The files of a server as they were at one moment. */
export interface PhysicalCopy extends Disposable {
  readonly folder: string
  readonly dataDir: string
}

/** Stops the server, copies its files, and starts it again. */
export async function copyFiles(server: Server): Promise<PhysicalCopy> {
  const folder = mkdtempSync(join(tmpdir(), 'rserv-physical-'))
  chmodSync(folder, 0o755)
  await server.stop('fast', { keepFolder: true })
  const dataDir = join(folder, 'data')
  // With owners and modes.
  execFileSync('cp', ['-a', server.dataDir, dataDir])
  copyFileSync(join(server.folder, 'password'), join(folder, 'password'))
  await server.start()
  return { folder, dataDir, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Starts a copy on a port of its own: as it is, beside its original. */
export function startCopy(copy: PhysicalCopy, major: number): Promise<Server> {
  return startServer({ major, dir: copy.folder, settings: SETTINGS })
}

/** Makes the copy a streaming standby of the original. */
export function becomeStandby({ dataDir }: PhysicalCopy, { host, port, user, password }: Server): void {
  configure(dataDir, 'standby.signal', {
    primary_conninfo: `host=${host} port=${port} user=${user} password=${password}`,
  })
}

/** Lets the copy, when it starts, replay the original's WAL up to a restore point, and go on from there. */
function recoverTo({ dataDir, folder }: PhysicalCopy, original: Server, point: string): void {
  const wal = join(folder, 'wal')
  cpSync(join(original.dataDir, 'pg_wal'), wal, { recursive: true })
  execFileSync('chmod', ['-R', 'a+rX', wal])
  configure(dataDir, 'recovery.signal', {
    restore_command: `cp "${wal}/%f" "%p"`,
    recovery_target_name: point,
    recovery_target_action: 'promote',
  })
}

function configure(dataDir: string, signal: string, settings: Record<string, string>): void {
  writeFileSync(join(dataDir, signal), '')
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`)
  appendFileSync(join(dataDir, 'postgresql.auto.conf'), lines.join(''))
}

/** Asks a database over a connection of its own. */
export async function ask<T extends object>(config: ClientConfig, sql: string): Promise<T[]> {
  const client = new pg.Client(config)
  await client.connect()
  try {
    const { rows } = await client.query<T>(sql)
    return rows
  } finally {
    await client.end()
  }
}

/** Until the server is no standby and no recovery any more. */
export async function untilPrimary(server: Server): Promise<void> {
  await until(server.config(), 'select not pg_is_in_recovery() as yes')
}

/** Stops the original, and starts its copy as it was at the point, in another life. */
export async function startRecovered(copy: PhysicalCopy, original: Server, point: string): Promise<Server> {
  await original.stop('fast', { keepFolder: true })
  recoverTo(copy, original, point)
  await original.start()
  const recovered = await startCopy(copy, testMajor())
  await untilPrimary(recovered)
  return recovered
}

/** Until the standby has replayed everything that the original has written. */
export async function untilCaughtUp(standby: Server, original: Server): Promise<void> {
  const [row] = await ask<{ at: string }>(original.config(), 'select pg_current_wal_lsn()::text as at')
  await until(standby.config(), `select coalesce(pg_last_wal_replay_lsn() >= '${row?.at}', false) as yes`)
}

async function until(config: ClientConfig, sql: string): Promise<void> {
  for (;;) {
    const [row] = await ask<{ yes: boolean }>(config, sql)
    if (row?.yes) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
