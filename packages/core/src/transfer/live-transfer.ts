import { travellingColumns } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { Changed } from '../changes/changed-tables.ts'
import { areFew, changedTables } from '../changes/changed-tables.ts'
import { contentChange } from '../changes/content-change.ts'
import { checkSource, findSuspects } from '../changes/check-source.ts'
import type { ChangesRead } from '../changes/read-transaction.ts'
import { openChanges } from '../changes/read-transaction.ts'
import { copyAll, copyChanged, copyChangedRows, copyKeys, planForLog } from '../changes/read-rows.ts'
import type { Wanted } from '../changes/wanted.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Node } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import type { ScriptState } from '../ddl/script.ts'
import { waitingScripts } from '../ddl/script.ts'
import { RservError } from '../shared/errors.ts'
import { displayName } from '../shared/names.ts'
import { ofTable } from '../shared/of-table.ts'
import type { Position } from '../shared/position.ts'
import { chooseWay } from './choose-way.ts'
import { newSync, recordSync } from './record-sync.ts'
import { readSequences } from './sequences.ts'
import type { TableSize } from './table-size.ts'
import { sizesOf } from './table-size.ts'
import type {
  SectionPart,
  SectionWishes,
  Transfer,
  TransferHeader,
  TransferSection,
  TransferServer,
  TransferTable,
  TransferTrailer,
} from './transfer.ts'

export interface LiveRequest {
  readonly node: Node
  readonly server: TransferServer
  /** The slave's database, for hints; undefined: not known. */
  readonly slave?: string | undefined
  /** The slave's position. */
  readonly from: Position | null
  readonly tables: readonly ReplicatedTable[]
  /** One for each of `tables`. */
  readonly wanted: readonly Wanted[]
  /** Of `activeTables`, some time before. */
  readonly guess: ReadonlySet<number>
  /** The scripts that the slave has run. */
  readonly scripts: Pick<ScriptState, 'lastScript' | 'ran'>
  /** DDL that was noticed just before is none; false: it was not looked for, and any is refused here. */
  readonly refreshed: boolean
}

interface Source {
  readonly table: ReplicatedTable
  /** Null where nothing is read of the table. */
  readonly description: TableDescription | null
  readonly wanted: Wanted
  readonly changed: Changed
  /** Of a table that is copied. */
  readonly size: TableSize | undefined
}

/**
 * Begins a transfer from the master's current state: one repeatable read snapshot for all of it. `finish` commits the
 * sync row with synchronous_commit on, and with it flushes all that the snapshot saw. The session is in a
 * transaction until then; on failure the caller closes or rolls back.
 */
export async function beginLiveTransfer(session: Session, request: LiveRequest): Promise<Transfer> {
  const read = await openChanges(session, request)
  await refuseScripts(session, request)
  const sources = await describeSources(session, request, read)
  session.reach('changes.counted')
  const sync = await newSync(session, request.server)
  await session.run(`set local client_encoding = '${sync.encoding}'`)
  const header: TransferHeader = {
    origin: request.node.nodeId,
    originDatabase: session.database,
    server: request.server,
    ...sync,
    from: request.from,
    to: read.position,
    tables: sources.map(headerTable),
  }
  return {
    header,
    sections: (wishes = MIXED) => readSections(session, sources, wishes),
    finish: () => finish(session, header, sources),
  }
}

/** A script that ran after the plan was made comes before anything else. */
async function refuseScripts(session: Session, { from, scripts }: LiveRequest): Promise<void> {
  const [script] = await waitingScripts(session, { position: from, ...scripts })
  if (script === undefined) return
  throw new RservError('ALTERED', `script ${script} was run on the master while a transfer was being prepared`, {
    side: 'master',
    hint: 'Run the command again.',
  })
}

async function describeSources(session: Session, request: LiveRequest, { active }: ChangesRead): Promise<Source[]> {
  const changes = await changedTables(session, request.wanted, { active })
  const suspects = new Set(await findSuspects(session, request.tables))
  const looked = request.tables.filter(
    (table) => changes.get(table.tableId)?.mode !== 'unchanged' || suspects.has(table),
  )
  const ids = looked.map(({ tableId }) => tableId)
  const recorded = new Map((await listReplicated(session, ids)).map((table) => [table.tableId, table]))
  const sizes = await sizesOf(
    session,
    request.tables.filter(({ tableId }) => changes.get(tableId)?.mode === 'copy'),
  )
  const sources: Source[] = []
  for (const [index, table] of request.tables.entries()) {
    const wanted = request.wanted[index]
    const changed = changes.get(table.tableId)
    if (!wanted || !changed) continue
    const description = recorded.has(table.tableId)
      ? await ofTable(table.table, () => checkSource(session, table, request.slave))
      : null
    if (description) refuseAltered(recorded.get(table.tableId) ?? table, description, request)
    sources.push({ table, wanted, changed, description, size: sizes.get(table.tableId) })
  }
  return sources
}

/**
 * DDL that changed rows after the plan was made is not in the log yet: the next plan puts it there.
 * @throws RservError ALTERED
 */
export function refuseAltered(
  recorded: ReplicatedTable,
  now: TableDescription,
  { refreshed }: Pick<LiveRequest, 'refreshed'>,
): void {
  const change = contentChange(recorded, now)
  if (change === 'none' || (refreshed && change === 'storage')) return
  throw new RservError('ALTERED', `${displayName(now)} was altered while a transfer was being prepared`, {
    side: 'master',
    hint: 'Run the command again.',
  })
}

function headerTable({ table, changed, description }: Source): TransferTable {
  const columns = description && changed.mode !== 'unchanged' ? travellingColumns(description) : []
  return {
    tableId: table.tableId,
    table: table.table,
    mode: changed.mode,
    keyColumns: table.keyColumns,
    columns: columns.map(({ name, type }) => ({ name, type })),
  }
}

/** What a file takes. */
const MIXED: SectionWishes = { apart: false, binary: () => false, whole: () => false, holds: async () => true }

async function* readSections(
  session: Session,
  sources: readonly Source[],
  wishes: SectionWishes,
): AsyncGenerator<TransferSection> {
  for (const { table, description, changed, wanted, header, size } of sources.flatMap(withHeader)) {
    const few = areFew(changed.logRows, description.estimatedRows)
    const request = { table, description, since: wanted.since, few }
    const choosing = { request, header, logRows: changed.logRows }
    const way = await ofTable(table.table, () => chooseWay(session, choosing, wishes))
    const sent: TransferTable = way === 'whole' ? { ...header, mode: 'copy' } : header
    const binary = way !== 'mixed' && wishes.binary(header)
    const section = (part: SectionPart, sql: string): TransferSection => {
      const data = session.copyOut(sql)
      return { table: sent, part, binary, data, rowCount: () => data.rowCount, size }
    }
    if (way !== 'whole') await session.run(planForLog(few))
    if (way === 'whole') yield section('rows', copyAll({ description }, binary))
    else if (way === 'rows') yield section('rows', copyChangedRows(request, binary))
    else if (way === 'mixed') yield section('mixed', copyChanged(request))
    else yield* keysAndRows({ keys: copyKeys(request, binary), rows: copyChangedRows(request, binary) }, section)
  }
}

/** The rows are asked for at once: the master works at them while the slave deletes. */
function* keysAndRows(
  sql: { keys: string; rows: string },
  section: (part: SectionPart, sql: string) => TransferSection,
): Generator<TransferSection> {
  const keys = section('keys', sql.keys)
  const rows = section('rows', sql.rows)
  yield keys
  yield rows
}

/** The sources of which rows are read. */
function withHeader(source: Source): (Source & { description: TableDescription; header: TransferTable })[] {
  const { description, changed } = source
  return description && changed.mode !== 'unchanged' ? [{ ...source, description, header: headerTable(source) }] : []
}

async function finish(session: Session, header: TransferHeader, sources: readonly Source[]): Promise<TransferTrailer> {
  const changed = sources.filter((source) => source.changed.mode !== 'unchanged').map(({ table }) => table.tableId)
  const tableIds = sources.map(({ table }) => table.tableId)
  const sequences = await readSequences(session, { tableIds, exact: new Set(changed) })
  await recordSync(session, header)
  return { sequences }
}
