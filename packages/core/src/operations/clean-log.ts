import type { ClientConfig } from 'pg'
import type { KnownServer } from '../acknowledge/servers.ts'
import { listServers } from '../acknowledge/servers.ts'
import type { BackendResolver } from '../capture/contract.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { cleanTable, holdsRows } from '../clean/clean-log.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { meet } from '../shared/position.ts'

export type CleanLimit = { syncId: bigint } | { olderThanSeconds: number }

export interface CleanResult {
  /** Log rows removed. */
  readonly rows: number
  readonly tables: readonly { readonly table: QualifiedName; readonly rows: number }[]
  /** Slaves that keep log rows below the limit from being removed. */
  readonly heldBy: readonly { readonly server: string; readonly reason: string }[]
}

/**
 * Removes log rows that every registered slave has confirmed, up to a sync id or an age, never more. A slave that has
 * never synced keeps the whole log (case 179).
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function cleanLog(
  master: ClientConfig,
  options: CleanLimit & CommonOptions & { backends: BackendResolver },
): Promise<CleanResult> {
  await using session = await openSession(master, 'master', options)
  return await inTransaction(session, async () => {
    await requireRole(session, 'master')
    await session.query(`select pg_advisory_xact_lock(hashtextextended('rserv.clean', 0))`)
    const servers = await listServers(session)
    const wanted = await wantedSync(session, options)
    const cleaned = wanted ? await cleanUpTo(session, servers, wanted) : []
    const heldBy = await holders(session, servers, wanted)
    return { rows: cleaned.reduce((sum, table) => sum + table.rows, 0), tables: cleaned, heldBy }
  })
}

async function cleanUpTo(
  session: Session,
  servers: readonly KnownServer[],
  wanted: WantedSync,
): Promise<{ table: QualifiedName; rows: number }[]> {
  const positions = servers.map((server) => server.position)
  if (positions.length === 0 || positions.includes(null)) return []
  const limit = positions.reduce<Position>((least, position) => meet(least, position ?? least), wanted.position)
  const cleaned = await cleanTables(session, limit)
  await forgetSyncs(session, wanted.syncId)
  return cleaned
}

interface WantedSync {
  readonly syncId: string
  readonly position: Position
}

/** The newest position at or below the limit. */
async function wantedSync(session: Session, limit: CleanLimit): Promise<WantedSync | null> {
  const bySync = 'syncId' in limit
  const row = await session.row(
    `select sync_id, position::text as position from rserv.sync
      where ${bySync ? 'sync_id <= $1' : 'prepared_at <= clock_timestamp() - make_interval(secs => $1)'}
      order by sync_id desc limit 1`,
    [bySync ? limit.syncId.toString() : limit.olderThanSeconds],
  )
  return row ? { syncId: row['sync_id'] ?? '', position: row['position'] ?? '' } : null
}

async function holders(
  session: Session,
  servers: readonly KnownServer[],
  wanted: WantedSync | null,
): Promise<{ server: string; reason: string }[]> {
  const tables = await listReplicated(session)
  const held: { server: string; reason: string }[] = []
  for (const { name, syncId, position } of servers) {
    if (position === null) held.push({ server: name, reason: 'has never synced' })
    else if (wanted && (await holdsRows(session, tables, { upTo: wanted.position, position }))) {
      held.push({ server: name, reason: `has confirmed sync id ${syncId} only` })
    }
  }
  return held
}

async function cleanTables(session: Session, limit: Position): Promise<{ table: QualifiedName; rows: number }[]> {
  const cleaned: { table: QualifiedName; rows: number }[] = []
  for (const table of await listReplicated(session)) {
    cleaned.push({ table: table.table, rows: await cleanTable(session, table, limit) })
  }
  return cleaned.filter(({ rows }) => rows > 0)
}

/** Positions older than each slave's own and the limit name nothing any more. */
async function forgetSyncs(session: Session, syncId: string): Promise<void> {
  await session.run(
    `delete from rserv.sync s using rserv.server v
      where v.server_id = s.server_id and s.sync_id < least(v.sync_id, $1)`,
    [syncId],
  )
}
