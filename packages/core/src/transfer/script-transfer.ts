import type { PendingScript, Script, TableThen } from '../ddl/script.ts'
import { keptColumn, keptTable } from '../ddl/keep-rows.ts'
import type { Node } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { begin } from '../database/transaction.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteName, sameName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { includes } from '../shared/position.ts'
import { newSync, recordSync } from './record-sync.ts'
import type { Transfer, TransferHeader, TransferSection, TransferServer, TransferTable } from './transfer.ts'

export interface ScriptRequest {
  readonly node: Node
  readonly server: TransferServer
  /** The slave's position. */
  readonly from: Position | null
  readonly script: PendingScript
  /** Note it without running it. */
  readonly skip: boolean
  /** The tables that the slave holds, under the names that they had at the script's point. */
  readonly holds: (table: { readonly tableId: number; readonly table: QualifiedName }) => boolean
}

/**
 * Begins the transfer that brings a slave to the point of a script and ends with the script. What it needs was kept
 * when the script ran on the master, so its tables are neither locked nor looked at. A slave that is beyond the point
 * and has not seen the script, or cannot be brought there, gets no rows and runs it where it is.
 * @throws RservError DETACHED
 */
export async function beginScriptTransfer(session: Session, request: ScriptRequest): Promise<Transfer> {
  const { script, from, server, node } = request
  const moves = from === null || isServed(script, from)
  await begin(session, { isolation: 'repeatable read' })
  const sync = await newSync(session, server)
  await session.run(`set local client_encoding = '${sync.encoding}'`)
  session.reach('changes.snapshot')
  const tables = from === null ? [] : script.tables.filter(request.holds).map((table) => toHeader(table, moves))
  const header: TransferHeader = {
    origin: node.nodeId,
    originDatabase: session.database,
    server,
    ...sync,
    // Of a moment that is past.
    lineage: [],
    from,
    to: moves ? script.position : from,
    tables,
    script: toScript(script, request.skip),
  }
  session.reach('changes.counted')
  return {
    header,
    sections: () => readKept(session, script, tables),
    async finish() {
      await recordSync(session, header)
      return { sequences: [] }
    },
  }
}

/**
 * Can the slave be brought to the point? Not one that is beyond it, nor one whose rows are not kept: it was restored from
 * a backup, or filled for the first time while the script ran. Its rows are right all the same afterwards: the log has
 * every change since its own position.
 */
function isServed({ position, keptSince }: PendingScript, from: Position): boolean {
  return !includes(from, position) && keptSince !== null && includes(from, keptSince)
}

function toHeader({ tableId, table, keyColumns, mode, columns }: TableThen, moves: boolean): TransferTable {
  const none = !moves || mode === 'unchanged'
  return { tableId, table, keyColumns, mode: none ? 'unchanged' : mode, columns: none ? [] : columns }
}

function toScript({ id, token, text, checksum, searchPath, effects }: PendingScript, skip: boolean): Script {
  return { id, token, text, checksum, searchPath, effects, skip }
}

async function* readKept(
  session: Session,
  { id, tables: then }: PendingScript,
  tables: readonly TransferTable[],
): AsyncGenerator<TransferSection> {
  for (const table of tables.filter(({ mode }) => mode !== 'unchanged')) {
    const columns = then.find((one) => sameName(one.table, table.table))?.columns ?? []
    const list = columns.map((_, index) => keptColumn(index))
    if (table.mode === 'changes') list.unshift('gone')
    const data = session.copyOut(`copy ${quoteName(keptTable(id, table.tableId))} (${list.join(', ')}) to stdout`)
    const part = table.mode === 'copy' ? 'rows' : 'mixed'
    yield { table, part, binary: false, data, rowCount: () => data.rowCount }
  }
}
