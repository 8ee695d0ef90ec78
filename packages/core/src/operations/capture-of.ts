import { chooseKey } from '../capture/choose-key.ts'
import type { CaptureTable } from '../capture/contract.ts'
import { captureTable } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Generation } from '../log/log-table.ts'
import { logColumn, logTable, TRUNCATE_LOG } from '../log/log-table.ts'

/**
 * A captured table as its backend sees it, with the log of the given generation, default the one that is written.
 * @throws RservError NO_KEY when the key's index is gone
 */
export function captureOf(
  table: ReplicatedTable,
  description: TableDescription,
  generation: Generation = table.generation,
): CaptureTable {
  const key = chooseKey(description, table.keyColumns, 'master')
  const inOrder = table.keyColumns.flatMap((name) => key.find((column) => column.name === name) ?? [])
  const logNames = { log: logTable(table.tableId, generation), truncateLog: TRUNCATE_LOG, column: logColumn }
  const { tableId, granularity } = table
  const keyUpdates = description.namedUpdates ? 'named' : 'any'
  return captureTable({ tableId, description, key: inOrder, granularity, keyUpdates, logNames })
}
