import type { ClientConfig } from 'pg'
import { heldPositions, listCopies } from '../acknowledge/copies.ts'
import { listServers } from '../acknowledge/servers.ts'
import type { BackendResolver } from '../capture/contract.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { activeTables } from '../changes/active-tables.ts'
import { deleteSeen, emptyResting, holdsRows, shouldRotate } from '../clean/clean-log.ts'
import { describeTable } from '../database/describe-table.ts'
import { requireSource } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { dropKept } from '../ddl/keep-rows.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { summarizeLogs } from '../log/summarize.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { meet } from '../shared/position.ts'
import { captureOf } from './capture-of.ts'

export type CleanLimit = { syncId: bigint } | { olderThanSeconds: number }

/** What is meant within core: also a position, of whoever keeps a log without having slaves. */
type Limit = CleanLimit | { upTo: Position }

export interface CleanResult {
  /** Log rows removed; of a long log that goes as a whole an estimate, because it is not read for that. */
  readonly rows: number
  readonly tables: readonly { readonly table: QualifiedName; readonly rows: number }[]
  /** Slaves that keep log rows below the limit from being removed. */
  readonly heldBy: readonly { readonly server: string; readonly reason: string }[]
}

/**
 * Removes log rows that every registered slave has confirmed, up to a sync id or an age, never more. A slave that has
 * never synced keeps the whole log (case 179), one that is detached nothing.
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function cleanLog(
  master: ClientConfig,
  options: CleanLimit & CommonOptions & { backends: BackendResolver },
): Promise<CleanResult> {
  await using session = await openSession(master, 'master', options)
  const tables = await inTransaction(session, async () => {
    await requireSource(session)
    return listActive(session)
  })
  const cleaned = await cleanTables(session, tables, { limit: options, backends: options.backends })
  return await inTransaction(session, async () => {
    const wanted = await wantedSync(session, options)
    await dropKept(session)
    if (wanted) {
      await forgetSyncs(session, wanted.syncId)
      await forgetHistory(session, wanted.position)
    }
    return {
      rows: cleaned.reduce((sum, { rows }) => sum + rows, 0),
      tables: cleaned.filter(({ rows }) => rows > 0),
      heldBy: await holders(session, wanted),
    }
  })
}

/** Removes log rows up to the limit, table by table. */
export async function cleanTables(
  session: Session,
  tables: readonly ReplicatedTable[],
  { limit, backends }: { limit: Limit; backends: BackendResolver },
): Promise<{ table: QualifiedName; rows: number }[]> {
  const cleaned: { table: QualifiedName; rows: number }[] = []
  for (const table of tables) {
    await rotateWhenLarge(session, table, { limit, backends })
    cleaned.push({ table: table.table, rows: await cleanOne(session, table.tableId, limit) })
  }
  return cleaned
}

/** The tables whose log holds anything: a thousand others are not opened. */
export async function listActive(session: Session): Promise<ReplicatedTable[]> {
  const tables = await listReplicated(session)
  const wanted = tables.map(({ tableId }) => ({ tableId, copy: false, since: null }))
  const active = await activeTables(session, wanted)
  return tables.filter(({ tableId }) => active.has(tableId))
}

/** Cleans one table in transactions of its own: their locks are short. */
async function cleanOne(session: Session, tableId: number, limit: Limit): Promise<number> {
  // Before anybody is kept waiting.
  await summarizeLogs(session, [tableId])
  const emptied = await cleaning(session, tableId, limit, (table, upTo) => emptyResting(session, table, upTo))
  const only = emptied !== undefined
  const deleted = await cleaning(session, tableId, limit, (table, upTo) => deleteSeen(session, table, upTo, { only }))
  return (emptied ?? 0) + (deleted ?? 0)
}

async function cleaning(
  session: Session,
  tableId: number,
  limit: Limit,
  work: (table: ReplicatedTable, upTo: Position) => Promise<number | undefined>,
): Promise<number | undefined> {
  return inTransaction(session, async () => {
    await lockCleaning(session)
    const table = (await listReplicated(session)).find((candidate) => candidate.tableId === tableId)
    const upTo = await limitOf(session, tableId, limit)
    return table && upTo ? work(table, upTo) : 0
  })
}

/** A table's lock: an advisory one could be held by anybody who can connect. */
async function lockCleaning(session: Session): Promise<void> {
  await session.run('lock table rserv.truncate_log in share update exclusive mode')
}

/**
 * What every slave has confirmed, every copy of the table has read, and not beyond what was asked for; null: nothing may
 * go. The copies are asked last: one that begins later reads after all positions that were confirmed before.
 */
async function limitOf(session: Session, tableId: number, limit: Limit): Promise<Position | null> {
  const servers = await listServers(session)
  const attached = servers.filter(({ detached }) => detached === null)
  const kept = 'upTo' in limit
  if (!kept && servers.length > 0 && attached.length === 0) return limitWithoutSlaves(session, limit)
  const wanted = kept ? limit.upTo : (await wantedSync(session, limit))?.position
  const positions = attached.flatMap(({ position, behind }) => [position, behind ?? position])
  if (!kept && positions.length > 0) positions.push(...(await historyStart(session)))
  if (!wanted || (positions.length === 0 && !kept) || positions.includes(null)) return null
  const all = [...positions, ...(await heldPositions(session, tableId))]
  return all.reduce<Position>((least, position) => meet(least, position ?? least), wanted)
}

/** All slaves are detached, and nobody takes positions any more by which the log could be dated. */
async function limitWithoutSlaves(session: Session, limit: CleanLimit): Promise<Position | null> {
  if (!('olderThanSeconds' in limit) || limit.olderThanSeconds > 0) return null
  const row = await session.row('select pg_current_snapshot()::text as now')
  return row?.['now'] ?? null
}

/** Points the capture at the resting generation of the log; takes no lock on the captured table. */
async function rotateWhenLarge(
  session: Session,
  table: ReplicatedTable,
  { limit, backends }: { limit: Limit; backends: BackendResolver },
): Promise<void> {
  await inTransaction(session, async () => {
    await lockCleaning(session)
    const current = (await listReplicated(session)).find(({ tableId }) => tableId === table.tableId)
    if (!current || !(await limitOf(session, table.tableId, limit)) || !(await shouldRotate(session, current))) return
    const description = await describeTable(session, current.table)
    // A table that is not what was captured is replicate's to complain about.
    if (description?.oid !== current.oid) return
    const generation = current.generation === 0 ? 1 : 0
    const backend = await backends(table.backend)
    for (const statement of backend.createFunctions(captureOf(current, description, generation)))
      await session.run(statement)
    await session.run('update rserv.replicated_table set generation = $2 where table_id = $1', [
      table.tableId,
      generation,
    ])
  })
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

async function holders(session: Session, wanted: WantedSync | null): Promise<{ server: string; reason: string }[]> {
  const tables = await listActive(session)
  const held: { server: string; reason: string }[] = []
  for (const { id, name, syncId, position, detached } of await listServers(session)) {
    if (detached !== null) continue
    if (position === null) held.push({ server: name, reason: 'has never synced' })
    else if (wanted && (await holdsRows(session, tables, { upTo: wanted.position, position }))) {
      held.push({ server: name, reason: `has confirmed sync id ${syncId} only` })
    }
    held.push(...(wanted ? await copying(session, tables, { id, name, upTo: wanted.position }) : []))
  }
  return held
}

/** Tables whose log waits for a copy that the slave makes, or has made and not joined yet. */
async function copying(
  session: Session,
  tables: readonly ReplicatedTable[],
  { id, name, upTo }: { id: number; name: string; upTo: Position },
): Promise<{ server: string; reason: string }[]> {
  const held: { server: string; reason: string }[] = []
  const copies = await listCopies(session, id)
  for (const table of tables) {
    const copy = copies.get(table.tableId)
    if (copy && (await holdsRows(session, [table], { upTo, position: copy.position }))) {
      held.push({ server: name, reason: `is copying ${displayName(table.table)}` })
    }
  }
  return held
}

/** Positions older than each slave's own that the log cannot serve any more: nobody can go on from them. */
async function forgetSyncs(session: Session, syncId: string): Promise<void> {
  await session.run(
    `delete from rserv.sync s using rserv.server v
      where v.server_id = s.server_id and s.sync_id < least(v.sync_id, $1)
        and exists (select from rserv.replicated_table t where t.table_id = any (s.table_ids)
          and pg_snapshot_xmax(s.position) < pg_snapshot_xmin(t.log_start))`,
    [syncId],
  )
}

/** A slave that keeps a log keeps it as far back as its history, which `cleanKeptLog` shortens: its master's slaves may need it. */
async function historyStart(session: Session): Promise<Position[]> {
  const row = await session.row(
    `select own_position::text as position from rserv.applied, rserv.node n where n.is_slave order by own_xid limit 1`,
  )
  return row?.['position'] ? [row['position']] : []
}

function beyond(position: string): string {
  return `(rserv.includes(${position}, a.own_position) and ${position}::text <> a.own_position::text)`
}

/**
 * What a promoted slave held of former masters, once all of its own slaves are beyond that: its log cannot say any more what
 * changed since. The last of each stays.
 */
async function forgetHistory(session: Session, upTo: Position): Promise<void> {
  await session.run(
    `delete from rserv.applied a using rserv.node n where not n.is_slave and ${beyond('$1::pg_snapshot')}
      and exists (select from rserv.applied b where b.origin = a.origin and b.own_xid > a.own_xid)
      and not exists (select from rserv.server v where v.detached_at is null and (v.position is null
        or not ${beyond('v.position')} or not ${beyond('coalesce(v.behind, v.position)')}))`,
    [upTo],
  )
}
