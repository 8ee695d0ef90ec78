import type { TableDescription } from '../database/describe-table.ts'
import { chooseKey } from '../capture/choose-key.ts'
import { travellingColumns } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { LOGS_BY_INDEX } from '../log/by-index.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { after } from './window.ts'

export interface ReadRequest {
  readonly table: ReplicatedTable
  readonly description: TableDescription
  readonly since: Position | null
  /** Few keys for the table's size. */
  readonly few: boolean
}

/** COPY of all rows: the travelling columns. Children of old-style inheritance are tables of their own (case 63). */
export function copyAll({ description }: Pick<ReadRequest, 'description'>, binary: boolean): string {
  return `copy (select ${travelling(description)} from ${source(description)} t) to stdout${formatOf(binary)}`
}

/**
 * COPY of the changed keys with their rows: first column `gone` (t: the key has no row now), then the travelling
 * columns, of which a gone row has only its key. Keys are compared by the key index's operators and made distinct by
 * their own type and collation, so several spellings of one key are one (case 90).
 */
export function copyChanged(request: ReadRequest): string {
  return `copy (select t.tableoid is null as gone, ${changedColumns(request).join(', ')}
    from ${changedKeysWithRows(request)}) to stdout`
}

/** The travelling columns of a changed key's row, or of a gone one the key. */
export function changedColumns(request: ReadRequest): string[] {
  const keys = keyTerms(request)
  return travellingColumns(request.description).map(({ name }) => {
    const log = keys.find((key) => key.name === name)?.log
    const value = `t.${quoteIdent(name)}`
    return log ? `coalesce(${value}, ${log})` : value
  })
}

/** The changed keys `l` with their rows `t`. */
export function changedKeysWithRows(request: ReadRequest): string {
  return `(${distinctKeys(request)}) l left join ${rowsOf(request)} t on ${joinOn(keyTerms(request))}`
}

/** COPY of the changed keys alone, in the order of the key columns. */
export function copyKeys(request: ReadRequest, binary: boolean): string {
  return `copy (${distinctKeys(request)}) to stdout${formatOf(binary)}`
}

/** COPY of the rows that the changed keys have now: the travelling columns. */
export function copyChangedRows(request: ReadRequest, binary: boolean): string {
  return `copy (select ${travelling(request.description)} from (${distinctKeys(request)}) l
    join ${rowsOf(request)} t on ${joinOn(keyTerms(request))}) to stdout${formatOf(binary)}`
}

function formatOf(binary: boolean): string {
  return binary ? ' (format binary)' : ''
}

interface KeyTerm {
  readonly name: string
  readonly log: string
  readonly operator: string
}

function keyTerms({ table, description }: ReadRequest): KeyTerm[] {
  const key = chooseKey(description, table.keyColumns, 'master')
  return table.keyColumns.map((name, index) => {
    const equality = key.find((column) => column.name === name)?.equality
    return {
      name,
      log: `l.${logColumn(index)}`,
      operator: `operator(${quoteIdent(equality?.schema ?? '')}.${equality?.name ?? ''})`,
    }
  })
}

function joinOn(keys: readonly KeyTerm[]): string {
  return keys.map(({ name, log, operator }) => `t.${quoteIdent(name)} ${operator} ${log}`).join(' and ')
}

/** Keys of these types are sorted for next to nothing. */
const SORTED_QUICKLY = /^(smallint|integer|bigint|date|uuid|timestamp)/

/** In the order of the key where that is cheap: neighbours share pages, of the index and of the table. */
function distinctKeys(request: ReadRequest): string {
  const { table, since } = request
  const keys = table.keyColumns.map((_, index) => logColumn(index)).join(', ')
  const order = sortsQuickly(request) ? ` order by ${keys}` : ''
  return `select distinct ${keys} from ${quoteName(logTable(table.tableId))} where ${after(since)}${order}`
}

function sortsQuickly(request: ReadRequest): boolean {
  return typesOfKey(request).every((type) => SORTED_QUICKLY.test(type))
}

function typesOfKey({ table, description }: ReadRequest): string[] {
  return table.keyColumns.map((name) => description.columns.find((column) => column.name === name)?.baseType ?? '')
}

/** The least changed key as text, where the key is one column whose order is the same everywhere; else null. */
export function leastKey(request: ReadRequest): string | null {
  const { table, since } = request
  // There is no min(uuid), and a uuid does not grow.
  if (table.keyColumns.length !== 1 || !sortsQuickly(request) || typesOfKey(request)[0] === 'uuid') return null
  return `select min(${logColumn(0)})::text as least from ${quoteName(logTable(table.tableId))} where ${after(since)}`
}

function travelling(description: TableDescription): string {
  return travellingColumns(description)
    .map((column) => `t.${quoteIdent(column.name)}`)
    .join(', ')
}

export function source(description: TableDescription): string {
  return `${description.kind === 'p' ? '' : 'only '}${quoteName(description)}`
}

/**
 * The table's rows, to be looked up one by one or to be read as a whole. The latter by their addresses: that is as quick as
 * the ordinary way, which is not to be had where the log is read by its index.
 */
function rowsOf({ description, few }: ReadRequest): string {
  const rows = source(description)
  return few ? rows : `(select *, tableoid from ${rows} where ctid >= '(0,0)')`
}

/** Leaves plans to the planner again. */
export const PLAN_ANYTHING = `set local enable_seqscan = default; set local enable_hashjoin = on; set local enable_mergejoin = on; set local enable_nestloop = on`

/**
 * Planner settings for reading changed keys: statistics of a log are always stale, so the join is not left to a guess.
 * A hash join over a large table for a handful of keys would be a catastrophe, and so would be a look-up of every key
 * where most rows changed.
 */
export function planFor(few: boolean): string {
  const [joins, lookUps] = few ? ['off', 'on'] : ['on', 'off']
  return `set local enable_hashjoin = ${joins}; set local enable_mergejoin = ${joins};
    set local enable_nestloop = ${lookUps}`
}

/** The same for statements that read a log. */
export function planForLog(few: boolean): string {
  return `${planFor(few)}; ${LOGS_BY_INDEX}`
}
