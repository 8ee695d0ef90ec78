import { travellingColumns } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { checkSource } from '../changes/check-source.ts'
import { copyAll } from '../changes/read-rows.ts'
import { openRowsRead } from '../changes/read-transaction.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { displayName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { refuseAltered } from './live-transfer.ts'
import { readSequences } from './sequences.ts'
import type { SequenceValue, TransferSection, TransferTable } from './transfer.ts'

/** All rows of one table, in a snapshot of its own. */
export interface RowsOfTable {
  readonly table: TransferTable
  readonly position: Position
  readonly encoding: 'UTF8' | 'SQL_ASCII'
  /** Process on the master's server that sends them, as its statistics name it. */
  readonly backendPid: number
  section(binary: boolean): TransferSection
  /** After the section, in the same transaction. */
  sequences(): Promise<SequenceValue[]>
}

const FACTS = `select pg_catalog.pg_backend_pid() as pid, current_setting('server_encoding') = 'SQL_ASCII' as raw`

/**
 * Opens a repeatable read transaction in which all rows of a table are read; the caller ends it.
 * @param slave the slave's database, for hints
 * @throws RservError LOCK_TIMEOUT, CAPTURE_BROKEN, ALTERED
 */
export async function openRows(session: Session, table: ReplicatedTable, slave: string): Promise<RowsOfTable> {
  const position = await openRowsRead(session, table)
  const [recorded] = await listReplicated(session, [table.tableId])
  if (recorded?.oid !== table.oid) throw gone(table)
  const description = await checkSource(session, recorded, slave)
  refuseAltered(recorded, description, { refreshed: true })
  const facts = await session.row(FACTS)
  const encoding = facts?.['raw'] === 't' ? 'SQL_ASCII' : 'UTF8'
  await session.run(`set local client_encoding = '${encoding}'`)
  const header: TransferTable = {
    tableId: table.tableId,
    table: table.table,
    mode: 'copy',
    keyColumns: recorded.keyColumns,
    columns: travellingColumns(description).map(({ name, type }) => ({ name, type })),
  }
  return {
    table: header,
    position,
    encoding,
    backendPid: Number(facts?.['pid']),
    section(binary) {
      const data = session.copyOut(copyAll({ description }, binary))
      return { table: header, part: 'rows', binary, data, rowCount: () => data.rowCount }
    },
    sequences: () => readSequences(session, { tableIds: [table.tableId], exact: new Set([table.tableId]) }),
  }
}

function gone({ table }: ReplicatedTable): RservError {
  return new RservError('ALTERED', `the capture of ${displayName(table)} was changed while it was being copied`, {
    side: 'master',
    hint: 'Run the command again.',
  })
}
