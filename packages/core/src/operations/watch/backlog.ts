import type { KnownServer } from '../../acknowledge/servers.ts'
import { listServers } from '../../acknowledge/servers.ts'
import { countKeys } from '../../changes/count-keys.ts'
import { countUpTo } from '../../changes/changed-tables.ts'
import { listReplicated } from '../../capture/replicated-tables.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import type { Session } from '../../database/session.ts'
import { byIndex } from '../../log/by-index.ts'
import type { QualifiedName } from '../../shared/names.ts'
import type { Position } from '../../shared/position.ts'
import type { LogSize } from './log-sizes.ts'
import { logSizes } from './log-sizes.ts'

export interface TableBacklog {
  readonly table: QualifiedName
  /** Log rows that wait; beyond a limit an estimate. */
  readonly rows: number
  /** Distinct keys in them; null where they were not counted. */
  readonly keys: number | null
  /** The next transfer copies the table whole. */
  readonly copy: boolean
}

/** What waits for a slave. */
export interface SlaveBacklog {
  readonly server: string
  readonly nodeId: string | null
  /** Last confirmed sync id, decimal text. */
  readonly syncId: string | null
  /** Log rows; null when it has never synced, or is detached. */
  readonly rows: number | null
  /** Seconds since its position was taken; null as `rows`. */
  readonly positionAge: number | null
  /** Tables that it holds. */
  readonly tables: readonly TableBacklog[]
}

export interface Backlog {
  readonly logRows: number
  readonly logBytes: number
  readonly logs: readonly LogSize[]
  readonly slaves: readonly SlaveBacklog[]
}

export interface BacklogOptions {
  /** Count distinct keys too, of tables with not too many rows; default false: it costs a sort of these rows. */
  keys?: boolean | undefined
  /** Log rows of one table to count for one slave before its whole log is taken for an answer; default 100000. */
  countAtMost?: number | undefined
}

const COUNT_AT_MOST = 100_000

/** The logs' sizes and what waits for each slave, in one snapshot, at a bounded cost. Inside a transaction. */
export async function measureBacklog(session: Session, options: BacklogOptions = {}): Promise<Backlog> {
  const logs = await logSizes(session)
  const captured = await listReplicated(session)
  const slaves: SlaveBacklog[] = []
  for (const server of await listServers(session))
    slaves.push(await backlogOf(session, server, { logs, captured, options }))
  return {
    logRows: logs.reduce((sum, { logRows }) => sum + logRows, 0),
    logBytes: logs.reduce((sum, { logBytes }) => sum + logBytes, 0),
    logs,
    slaves,
  }
}

interface Facts {
  readonly logs: readonly LogSize[]
  readonly captured: readonly ReplicatedTable[]
  readonly options: BacklogOptions
}

async function backlogOf(session: Session, server: KnownServer, facts: Facts): Promise<SlaveBacklog> {
  const { name, nodeId, syncId, position, detached } = server
  const known = { server: name, nodeId, syncId }
  if (position === null || detached !== null) return { ...known, rows: null, positionAge: null, tables: [] }
  const tables = await tablesBehind(session, { ...server, position }, facts)
  const row = await session.row(
    'select extract(epoch from clock_timestamp() - prepared_at) as age from rserv.sync where sync_id = $1',
    [syncId],
  )
  const age = row?.['age']
  return {
    ...known,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    positionAge: age == null ? null : Math.max(0, Number(age)),
    tables,
  }
}

async function tablesBehind(
  session: Session,
  { tableIds, position }: KnownServer & { position: Position },
  { logs, captured, options }: Facts,
): Promise<TableBacklog[]> {
  const most = options.countAtMost ?? COUNT_AT_MOST
  const held = captured.filter(({ tableId }) => tableIds.includes(tableId))
  const sizes = new Map(logs.map((log) => [log.tableId, log.logRows]))
  const filled = new Set(logs.flatMap((log) => (log.active ? [log.tableId] : [])))
  const active = held.filter(({ tableId }) => filled.has(tableId))
  const counts = await countRows(session, active, { most, position })
  const tables: TableBacklog[] = []
  for (const table of held) {
    const { rows, copy } = counts.get(table.tableId) ?? NOTHING
    const many = rows >= most
    const counted = options.keys === true && !many && !copy
    const keys = counted && rows > 0 ? await countKeys(session, table, position) : null
    const waiting = many ? Math.max(rows, sizes.get(table.tableId) ?? 0) : rows
    tables.push({
      table: table.table,
      rows: copy ? Math.max(1, waiting) : waiting,
      keys: rows === 0 ? 0 : keys,
      copy,
    })
  }
  return tables
}

interface Count {
  readonly rows: number
  readonly copy: boolean
}

const NOTHING: Count = { rows: 0, copy: false }

async function countRows(
  session: Session,
  tables: readonly ReplicatedTable[],
  { most, position }: { most: number; position: Position },
): Promise<Map<number, Count>> {
  const ids = tables.map(({ tableId }) => tableId)
  const counts = new Map<number, Count>()
  for (const statement of countUpTo(most, ids, position)) {
    for (const row of await byIndex(session, statement)) {
      counts.set(Number(row['table_id']), { rows: Number(row['log_rows']), copy: row['truncated'] === 't' })
    }
  }
  return counts
}
