import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Account } from './account.ts'
import { canEnter, give, readableBinaries, serverAccount } from './account.ts'
import { nativeFolder } from './binaries.ts'
import { EmbeddedError } from './errors.ts'

/** A data directory and what is needed to start a server on it. */
export interface Cluster {
  readonly major: number
  readonly folder: string
  /** Removed when the server stops. */
  readonly temporary: boolean
  readonly dataDir: string
  readonly logFile: string
  readonly password: string
  readonly binaries: string
  readonly account: Account
}

/** Makes a cluster, or opens the one that the folder holds already. */
export function openCluster(major: number, dir: string | undefined, installation?: string): Cluster {
  const account = serverAccount()
  const binaries = readableBinaries(installation ?? nativeFolder(major), account)
  const folder = dir === undefined ? mkdtempSync(join(tmpdir(), 'rserv-')) : resolve(dir)
  mkdirSync(folder, { recursive: true })
  give(folder, account)
  if (!canEnter(folder, account)) {
    throw new EmbeddedError(
      `folder ${folder} is closed to the account that PostgreSQL runs as`,
      'Choose another --dir.',
    )
  }
  const cluster = {
    major,
    folder,
    temporary: dir === undefined,
    dataDir: join(folder, 'data'),
    logFile: join(folder, 'server.log'),
    binaries,
    account,
  }
  const passwordFile = join(folder, 'password')
  if (existsSync(join(cluster.dataDir, 'PG_VERSION'))) {
    return { ...cluster, password: readFileSync(passwordFile, 'utf8').trim() }
  }
  const password = randomBytes(18).toString('base64url')
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  give(passwordFile, account)
  initdb(cluster, passwordFile)
  return { ...cluster, password }
}

function initdb(cluster: Omit<Cluster, 'password'>, passwordFile: string): void {
  const options = ['-D', cluster.dataDir, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`]
  const result = spawnSync(
    join(cluster.binaries, 'bin', 'initdb'),
    [...options, '--encoding=UTF8', '--no-locale', '--no-sync'],
    {
      ...cluster.account,
      encoding: 'utf8',
      cwd: cluster.folder,
      env: { ...process.env, LC_ALL: 'C' },
    },
  )
  if (result.status === 0) return
  if (cluster.temporary) rmSync(cluster.folder, { recursive: true, force: true })
  throw new EmbeddedError(
    `initdb failed: ${result.error?.message ?? result.stderr}`,
    'Is there space and the right to write?',
  )
}
