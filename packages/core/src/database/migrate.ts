import { readdirSync, readFileSync } from 'node:fs'
import { RservError } from '../shared/errors.ts'
import type { Session } from './session.ts'

interface Migration {
  readonly version: number
  readonly sql: string
}

const FOLDER = new URL('../../sql/', import.meta.url)

function migrations(): Migration[] {
  return readdirSync(FOLDER)
    .filter((file) => /^\d{6}\.sql$/.test(file))
    .toSorted()
    .map((file) => ({ version: Number(file.slice(0, 6)), sql: readFileSync(new URL(file, FOLDER), 'utf8') }))
}

/** The schema version that this program brings. */
export function latestVersion(): number {
  return migrations().at(-1)?.version ?? 0
}

/** The version installed in the database, or null. Inside a transaction. */
export async function installedVersion(session: Session): Promise<number | null> {
  const there = await session.row(`select pg_catalog.to_regclass('rserv.node') as node`)
  if (there?.['node'] == null) return null
  const node = await session.row('select schema_version from rserv.node')
  return node ? Number(node['schema_version']) : null
}

/**
 * Creates or upgrades the schema; two at once wait for each other. Inside a transaction.
 * @returns the version found before, null for none
 * @throws RservError SCHEMA_TOO_NEW
 */
export async function migrate(session: Session): Promise<number | null> {
  await session.query(`select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('rserv.migrate', 0))`)
  const before = await installedVersion(session)
  refuseNewer(before, session)
  if (before === null) await session.run('create schema if not exists rserv')
  for (const { version, sql } of migrations()) {
    if (version <= (before ?? 0)) continue
    await session.run(sql)
  }
  if (before === null) {
    await session.run('insert into rserv.node (schema_version) values ($1)', [latestVersion()])
    await session.run(`comment on schema rserv is 'Bookkeeping and change logs of rserv, trigger-based replication'`)
  } else {
    await session.run('update rserv.node set schema_version = $1', [latestVersion()])
  }
  return before
}

/** @throws RservError SCHEMA_TOO_NEW */
export function refuseNewer(version: number | null, session: Session): void {
  if (version === null || version <= latestVersion()) return
  throw new RservError(
    'SCHEMA_TOO_NEW',
    `the rserv schema in database ${session.database} has version ${version}, this program knows ${latestVersion()}`,
    { side: session.side, hint: 'Use the newer rserv that made it.' },
  )
}
