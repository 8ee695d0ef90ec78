import type { Plan, Plv8, Row } from './plv8-types.ts'

/**
 * What runs inside the database. These functions are put into the SQL as their own text, so they use nothing but
 * each other, their parameters and PLV8's globals.
 *
 * A statement's keys are collected in a buffer by row triggers and written by one call in an AFTER STATEMENT trigger:
 * every call is a subtransaction, so one a row would cost several times the statement. The buffer lives in
 * `globalThis`, which no rollback empties. What keeps it right:
 *
 * - Only statements outside of other triggers are buffered. A statement inside one may be undone alone, with what it
 *   wrote of the buffer; its rows are written at once instead.
 * - A BEFORE STATEMENT trigger makes the buffer, which also forgets what a failed statement left there. If the buffer
 *   is gone when the statement ends (plv8_reset), the whole table is logged as changed.
 * - A full buffer is written by the row trigger, within the statement.
 */

declare const plv8: Plv8
declare const NEW: Row
declare const OLD: Row

/** A table as the body knows it; JSON in the function's text. */
export interface BodyTable {
  /** Names the buffer. */
  readonly id: number
  readonly columns: readonly BodyColumn[]
  /** Inserts keys into the log; one text[] for each column. */
  readonly insert: string
  /** Logs that any key may have changed. */
  readonly whole: string
}

export interface BodyColumn {
  readonly name: string
  /** PLV8 gives an oid above 2^31 as a negative number. */
  readonly oid: boolean
}

interface Buffer {
  /** A column of keys each, as text. */
  readonly columns: string[][]
  /** Made by a row trigger, because the one of BEFORE STATEMENT was gone. */
  readonly lost: boolean
}

interface State {
  readonly buffers: Record<number, Buffer | undefined>
  readonly plans: Record<string, Plan | undefined>
}

export function rservState(): State {
  const all = globalThis as { rserv?: State }
  return (all.rserv ??= { buffers: {}, plans: {} })
}

/** The text of a key that PostgreSQL reads back as the same value. */
export function rservText(value: unknown, column: BodyColumn): string {
  if (typeof value === 'number') {
    if (column.oid && value < 0) return String(value + 4294967296)
    return Object.is(value, -0) ? '-0' : String(value)
  }
  if (!(value instanceof Uint8Array)) return String(value)
  let hex = '\\x'
  for (const byte of value) hex += (byte < 16 ? '0' : '') + byte.toString(16)
  return hex
}

export function rservWrite(table: BodyTable, columns: readonly (readonly string[])[]): void {
  const { plans } = rservState()
  const types = table.columns.map(() => 'text[]')
  const plan = (plans[table.insert] ??= plv8.prepare(table.insert, types))
  plan.execute(columns)
}

export function rservPush(table: BodyTable, row: Row): void {
  const { buffers } = rservState()
  const buffer = (buffers[table.id] ??= { lost: true, columns: table.columns.map(() => []) })
  table.columns.forEach((column, index) => buffer.columns[index]?.push(rservText(row[column.name], column)))
  if ((buffer.columns[0]?.length ?? 0) < 5000) return
  rservWrite(table, buffer.columns)
  for (const column of buffer.columns) column.length = 0
}

/** BEFORE STATEMENT */
export function start(table: BodyTable): void {
  rservState().buffers[table.id] = { lost: false, columns: table.columns.map(() => []) }
}

/** AFTER ROW, new version, outside of other triggers */
export function collectNew(table: BodyTable): void {
  rservPush(table, NEW)
}

/** AFTER ROW, old version, outside of other triggers */
export function collectOld(table: BodyTable): void {
  rservPush(table, OLD)
}

/** AFTER STATEMENT */
export function flush(table: BodyTable): void {
  const { buffers } = rservState()
  const buffer = buffers[table.id]
  if (!buffer || buffer.lost) plv8.execute(table.whole)
  if (buffer?.columns[0]?.length) rservWrite(table, buffer.columns)
  buffers[table.id] = { lost: false, columns: table.columns.map(() => []) }
}

/** AFTER ROW, new version, at once */
export function writeNew(table: BodyTable): void {
  rservWrite(
    table,
    table.columns.map((column) => [rservText(NEW[column.name], column)]),
  )
}

/** AFTER ROW, old version, at once */
export function writeOld(table: BodyTable): void {
  rservWrite(
    table,
    table.columns.map((column) => [rservText(OLD[column.name], column)]),
  )
}

/** AFTER TRUNCATE */
export function truncate(table: BodyTable): void {
  plv8.execute(table.whole)
}
