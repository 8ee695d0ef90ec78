import type { ChosenColumn } from '../capture/choose-key.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'

export const TRUNCATE_LOG: QualifiedName = { schema: 'rserv', name: 'truncate_log' }

/** Locked by readers of logs, and by whoever empties one by TRUNCATE. */
export const GATE: QualifiedName = { schema: 'rserv', name: 'gate' }

/** Two generations take turns: one is written while the other waits to be emptied by TRUNCATE. */
export type Generation = 0 | 1

/** The log of a table; reading generation 0 (without ONLY) reads both, because 1 inherits from it. */
export function logTable(tableId: number, generation: Generation = 0): QualifiedName {
  return { schema: 'rserv', name: generation === 0 ? `log_${tableId}` : `log_${tableId}_1` }
}

/** Log columns are numbered, so that no name of a key can clash with `xid` and renames do no harm. */
export function logColumn(index: number): string {
  return `k${index + 1}`
}

/**
 * Pages that one entry of a log's index stands for. Pages that no entry stands for are read by every look; each entry is.
 */
const PAGES_PER_RANGE = 8

/** BRIN costs writers next to nothing; the reader makes the entries (docs/decisions/0044-logs-without-a-btree.md). */
function createIndex(log: string): string {
  return `create index on ${log} using brin (xid) with (pages_per_range = ${PAGES_PER_RANGE})`
}

/**
 * Statements that create the log of a table: no sequence, no unique index, nothing to wait for (cases 66, 67). A key that
 * is NULL is one that the capture could not tell (case 81).
 */
export function createLog(tableId: number, table: QualifiedName, key: readonly ChosenColumn[]): string[] {
  const first = quoteName(logTable(tableId))
  const second = quoteName(logTable(tableId, 1))
  const columns = key.map((column, index) => {
    const collation = column.collation ? ` collate ${quoteName(column.collation)}` : ''
    return `${logColumn(index)} ${column.baseType}${collation}`
  })
  const comment = quoteLiteral(`Keys changed in ${quoteName(table)}: ${key.map((column) => column.name).join(', ')}`)
  return [
    `create table ${first} (xid pg_catalog.int8 not null, ${columns.join(', ')})`,
    `create table ${second} () inherits (${first})`,
    createIndex(first),
    createIndex(second),
    `comment on table ${first} is ${comment}`,
  ]
}

export function dropLog(tableId: number): string[] {
  return [
    `drop table if exists ${quoteName(logTable(tableId, 1))}`,
    `drop table if exists ${quoteName(logTable(tableId))}`,
  ]
}
