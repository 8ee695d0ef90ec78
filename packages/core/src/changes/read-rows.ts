import type { TableDescription } from '../database/describe-table.ts'
import { chooseKey } from '../capture/choose-key.ts'
import { travellingColumns } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { after } from './window.ts'

export interface ReadRequest {
  readonly table: ReplicatedTable
  readonly description: TableDescription
  readonly since: Position | null
}

/** COPY of all rows: the travelling columns. Children of old-style inheritance are tables of their own (case 63). */
export function copyAll({ description }: Pick<ReadRequest, 'description'>): string {
  const columns = travellingColumns(description).map((column) => `t.${quoteIdent(column.name)}`)
  return `copy (select ${columns.join(', ')} from ${source(description)} t) to stdout`
}

/**
 * COPY of the changed keys: first column `gone` (t: the key has no row now), then the travelling columns, of which a
 * gone row has only its key. Keys are compared by the key index's operators and made distinct by their own type
 * and collation, so several spellings of one key are one (case 90).
 */
export function copyChanged({ table, description, since }: ReadRequest): string {
  const key = chooseKey(description, table.keyColumns, 'master')
  const ordered = table.keyColumns.map((name, index) => {
    const equality = key.find((column) => column.name === name)?.equality
    return {
      name,
      log: `l.${logColumn(index)}`,
      operator: `operator(${quoteIdent(equality?.schema ?? '')}.${equality?.name ?? ''})`,
    }
  })
  const columns = travellingColumns(description).map(({ name }) => {
    const log = ordered.find((column) => column.name === name)?.log
    const value = `t.${quoteIdent(name)}`
    return log ? `coalesce(${value}, ${log})` : value
  })
  const on = ordered.map(({ name, log, operator }) => `t.${quoteIdent(name)} ${operator} ${log}`)
  const keys = ordered.map((_, index) => logColumn(index))
  return `copy (select t.tableoid is null as gone, ${columns.join(', ')}
    from (select distinct ${keys.join(', ')} from ${quoteName(logTable(table.tableId))} where ${after(since)}) l
    left join ${source(description)} t on ${on.join(' and ')}) to stdout`
}

export function source(description: TableDescription): string {
  return `${description.kind === 'p' ? '' : 'only '}${quoteName(description)}`
}

/** Above this share of a table's rows a full scan may be cheaper than one index look-up a key. */
const NESTED_LOOP_SHARE = 0.1

/**
 * Planner settings for `copyChanged`: statistics of a log are always stale, and a hash join over a large table for a
 * handful of keys would be a catastrophe, so few keys are looked up one by one.
 */
export function planFor(logRows: number, description: TableDescription): string {
  const few = description.estimatedRows > 0 && logRows < description.estimatedRows * NESTED_LOOP_SHARE
  const setting = few ? 'off' : 'on'
  return `set local enable_hashjoin = ${setting}; set local enable_mergejoin = ${setting}`
}
