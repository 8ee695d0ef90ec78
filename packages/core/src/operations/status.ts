import type { ClientConfig } from 'pg'
import type { Detached, KnownServer } from '../acknowledge/servers.ts'
import { listServers } from '../acknowledge/servers.ts'
import { chooseKey } from '../capture/choose-key.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { changedTables } from '../changes/changed-tables.ts'
import { checkSource } from '../changes/check-source.ts'
import { countKeys } from '../changes/count-keys.ts'
import { contentChange } from '../changes/content-change.ts'
import { requireSource } from '../database/node.ts'
import { waitingScripts } from '../ddl/script.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { logTable } from '../log/log-table.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteName } from '../shared/names.ts'
import type { Throttle } from '../shared/throttle.ts'
import type { RecordedError } from '../record/last-error.ts'
import type { SlaveStatus } from './describe-slave.ts'
import { describeSlave } from './describe-slave.ts'
import type { Records, ServerRecord } from './server-records.ts'
import { readRecords } from './server-records.ts'
import type { TakeoverStatus } from './takeover-status.ts'
import { takeoverStatus } from './takeover-status.ts'

export interface TableStatus {
  readonly table: QualifiedName
  readonly keyColumns: readonly string[]
  readonly backend: string
  readonly granularity: string
  /** Log rows. */
  readonly logRows: number
  /** Heap and index of the log. */
  readonly logBytes: number
  /** What is wrong with the capture, or that the table will travel whole; null: nothing. */
  readonly remark: string | null
}

export interface ServerStatus extends ServerRecord {
  readonly server: string
  /** uuid of the slave database; null until it was seen. */
  readonly nodeId: string | null
  /** Last confirmed sync id, decimal text. */
  readonly syncId: string | null
  /** ISO 8601. */
  readonly confirmedAt: string | null
  /** Log rows after its position; null when it has never synced. */
  readonly rowsBehind: number | null
  /** Seconds since its position was taken, 0 when in sync; null when it has never synced. */
  readonly secondsBehind: number | null
  /** Tables that it holds. */
  readonly tables: number
  /** Ids of the scripts of `ddl` that it has not run yet. */
  readonly scripts: readonly string[]
  /** Since when it is paused by command, ISO 8601; null: it is not. */
  readonly pausedAt: string | null
  /** By command; null: nothing holds it back. */
  readonly throttle: Throttle | null
  /** Since when and why the log is kept for it no longer; null: it is. */
  readonly detached: Detached | null
  /** What each of them waits for; empty when it has never synced. */
  readonly behind: readonly (TableBehind & { readonly secondsBehind: number | null })[]
}

export interface TableBehind {
  readonly table: QualifiedName
  /** Log rows after the slave's position. */
  readonly rows: number
  /** Distinct keys in them: what the next transfer moves. */
  readonly keys: number
  /** The next transfer copies the table whole. */
  readonly copy: boolean
}

export interface StatusResult {
  readonly nodeId: string
  readonly database: string
  readonly schemaVersion: number
  readonly backend: string | null
  readonly tables: readonly TableStatus[]
  readonly servers: readonly ServerStatus[]
  /** Errors with slaves that the master does not know, e.g. because none was ever reached at that address. */
  readonly otherErrors: readonly RecordedError[]
  readonly slaves: readonly (SlaveStatus & { readonly takeover: TakeoverStatus })[]
}

/**
 * Tables, logs and slaves of a master; with slaves given, also what each says of itself.
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function status(
  master: ClientConfig,
  slaves: readonly ClientConfig[] = [],
  options: CommonOptions = {},
): Promise<StatusResult> {
  await using session = await openSession(master, 'master', options)
  const masterPart = await inTransaction(
    session,
    async () => {
      const node = await requireSource(session)
      const tables = await listReplicated(session)
      const servers = await listServers(session)
      const records = await readRecords(session, servers)
      return {
        nodeId: node.nodeId,
        database: session.database,
        schemaVersion: node.schemaVersion,
        backend: node.backend,
        tables: await oneByOne(tables, (table) => tableStatus(session, table)),
        servers: await oneByOne(servers, (server) => serverStatus(session, server, { tables, records })),
        otherErrors: records.others,
      }
    },
    { isolation: 'repeatable read' },
  )
  const slavePart: StatusResult['slaves'][number][] = []
  for (const slave of slaves) {
    slavePart.push({
      ...(await describeSlave(slave, options)),
      takeover: await takeoverStatus(session, slave, options),
    })
  }
  return { ...masterPart, slaves: slavePart }
}

/** A connection answers one query at a time. */
async function oneByOne<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = []
  for (const item of items) answers.push(await ask(item))
  return answers
}

async function tableStatus(session: Session, table: ReplicatedTable): Promise<TableStatus> {
  const both = [logTable(table.tableId, 0), logTable(table.tableId, 1)]
  const sizes = both.map((name) => `pg_total_relation_size('${quoteName(name)}')`)
  const row = await session.row(
    `select (select count(*) from ${quoteName(logTable(table.tableId))}) as rows, ${sizes.join(' + ')} as bytes`,
  )
  return {
    table: table.table,
    keyColumns: table.keyColumns,
    backend: table.backend,
    granularity: table.granularity,
    logRows: Number(row?.['rows']),
    logBytes: Number(row?.['bytes']),
    remark: await remark(session, table),
  }
}

async function remark(session: Session, table: ReplicatedTable): Promise<string | null> {
  try {
    const description = await checkSource(session, table)
    chooseKey(description, table.keyColumns, 'master')
    return contentChange(table, description) === 'rows' ? 'was altered by DDL: travels whole next time' : null
  } catch (error) {
    if (error instanceof RservError && error.code !== 'SQL') return `${error.message}. ${error.hint ?? ''}`.trim()
    throw error
  }
}

async function serverStatus(
  session: Session,
  server: KnownServer,
  { tables, records }: { tables: readonly ReplicatedTable[]; records: Records },
): Promise<ServerStatus> {
  const behind = await tablesBehind(session, server, tables)
  const rows = behind && behind.reduce((sum, table) => sum + table.rows, 0)
  const row = await session.row(
    `select greatest(0, extract(epoch from clock_timestamp() - prepared_at)) as seconds from rserv.sync where sync_id = $1`,
    [server.syncId],
  )
  const seconds = row?.['seconds'] == null ? null : Number(row['seconds'])
  return {
    server: server.name,
    nodeId: server.nodeId,
    syncId: server.syncId,
    confirmedAt: server.confirmedAt,
    rowsBehind: rows,
    secondsBehind: rows === 0 ? 0 : seconds,
    tables: server.tableIds.length,
    scripts: await waitingScripts(session, server),
    pausedAt: server.pausedAt,
    throttle: server.throttle,
    detached: server.detached,
    behind: (behind ?? []).map(({ tableId: _tableId, ...table }) => ({
      ...table,
      secondsBehind: table.rows === 0 ? 0 : seconds,
    })),
    ...records.of(server, behind),
  }
}

/** Null where it has never synced. As of the transaction's snapshot. */
async function tablesBehind(
  session: Session,
  server: KnownServer,
  tables: readonly ReplicatedTable[],
): Promise<(TableBehind & { tableId: number })[] | null> {
  const { position } = server
  if (position === null) return null
  const held = tables.filter((table) => server.tableIds.includes(table.tableId))
  const wanted = held.map(({ tableId }) => ({ tableId, copy: false, since: position }))
  const changed = await changedTables(session, wanted, { exact: true })
  return oneByOne(held, async (table) => {
    const { mode, logRows } = changed.get(table.tableId) ?? { mode: 'unchanged', logRows: 0 }
    const copy = mode === 'copy'
    const rows = copy ? Math.max(1, logRows) : logRows
    return {
      table: table.table,
      tableId: table.tableId,
      rows,
      copy,
      keys: logRows === 0 ? 0 : await countKeys(session, table, position),
    }
  })
}
