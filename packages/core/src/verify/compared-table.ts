import { onlyTable, stageColumn, stageType } from '../apply/stage.ts'
import type { TargetTable } from '../apply/target-table.ts'
import { chooseKey } from '../capture/choose-key.ts'
import { travellingColumns } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { source } from '../changes/read-rows.ts'
import { after } from '../changes/window.ts'
import type { Column, TableDescription } from '../database/describe-table.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import type { BucketCount } from './fingerprint.ts'

/** A table that is compared. */
export interface ComparedTable {
  /** Tells the temporary tables of several compared tables apart. */
  readonly number: number
  readonly table: ReplicatedTable
  readonly description: TableDescription
  readonly target: TargetTable
  /** Keys changed after it are left out: the next transfer brings them whatever the slave has. Null: all of the log. */
  readonly since: Position | null
  /** Does the log have any such key? */
  readonly pending: boolean
  readonly encoding: string
  readonly buckets: BucketCount
}

/** One side's rows: FROM and WHERE with the row as `t`, and its columns in the same order on both sides. */
export interface SideRows {
  readonly from: string
  readonly where: string
  readonly columns: readonly Column[]
  readonly key: readonly Column[]
}

export function masterRows(compared: ComparedTable): SideRows {
  const { table, description } = compared
  const columns = travellingColumns(description)
  return {
    from: `${source(description)} t`,
    where: compared.pending ? `not exists (${pendingLog(compared)})` : 'true',
    columns,
    key: keyOf(table, columns),
  }
}

/** The master's pending keys, each once. */
export function pendingKeys({ table, since }: ComparedTable): string {
  const keys = table.keyColumns.map((_, index) => logColumn(index))
  return `select distinct ${keys.join(', ')} from ${quoteName(logTable(table.tableId))} where ${after(since)}`
}

function pendingLog({ table, description, since }: ComparedTable): string {
  const key = chooseKey(description, table.keyColumns, 'master')
  const same = table.keyColumns.map((name, index) => {
    const equality = key.find((column) => column.name === name)?.equality
    return `t.${quoteIdent(name)} operator(${quoteIdent(equality?.schema ?? '')}.${equality?.name ?? ''}) l.${logColumn(index)}`
  })
  return `select from ${quoteName(logTable(table.tableId))} l where ${after(since)} and ${same.join(' and ')}`
}

export function slaveRows(compared: ComparedTable, keysMatch: string): SideRows {
  const { table, target, pending } = compared
  return {
    from: `${onlyTable(target)} t`,
    where: pending ? `not exists (select from ${temporary(compared, 'pending')} s where ${keysMatch})` : 'true',
    columns: target.columns,
    key: keyOf(table, target.columns),
  }
}

function keyOf(table: ReplicatedTable, columns: readonly Column[]): Column[] {
  return table.keyColumns.flatMap((name) => columns.find((column) => column.name === name) ?? [])
}

/** Names of the key's columns in temporary tables, as `keysMatch` wants them, in the order of the log's columns. */
export function stagedKey({ table, target }: ComparedTable): { name: string; staged: string; definition: string }[] {
  return table.keyColumns.flatMap((name) => {
    const index = target.columns.findIndex((column) => column.name === name)
    const column = target.columns[index]
    const staged = stageColumn(index)
    return column ? [{ name, staged, definition: `${staged} ${stageType(column)}` }] : []
  })
}

/** `pending`: keys left out; `there`: the master's keys and hashes; `here`: the slave's; `found`: what differs. */
export function temporary({ number }: ComparedTable, what: 'pending' | 'there' | 'here' | 'found'): string {
  return `pg_temp.rserv_${what}_${number}`
}
