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
  /** Inserts keys into the log; $1 is the JSON text of an array of `Key`. */
  readonly insert: string
  /** Logs that any key may have changed. */
  readonly whole: string
}

export interface BodyColumn {
  readonly name: string
  /** The column of the log. */
  readonly log: string
  /** PLV8 gives an oid above 2^31 as a negative number. */
  readonly oid: boolean
}

/** Values as text, by the names of the log's columns. */
type Key = Record<string, string>

interface Buffer {
  readonly keys: Key[]
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

export function rservKey(table: BodyTable, row: Row): Key {
  const key: Key = {}
  for (const column of table.columns) key[column.log] = rservText(row[column.name], column)
  return key
}

export function rservWrite(table: BodyTable, keys: readonly Key[]): void {
  const { plans } = rservState()
  const plan = (plans[table.insert] ??= plv8.prepare(table.insert, ['text']))
  plan.execute([JSON.stringify(keys)])
}

export function rservPush(table: BodyTable, row: Row): void {
  const { buffers } = rservState()
  const buffer = (buffers[table.id] ??= { lost: true, keys: [] })
  buffer.keys.push(rservKey(table, row))
  if (buffer.keys.length < 5000) return
  rservWrite(table, buffer.keys)
  buffer.keys.length = 0
}

/** BEFORE STATEMENT */
export function start(table: BodyTable): void {
  rservState().buffers[table.id] = { lost: false, keys: [] }
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
  if (buffer?.keys.length) rservWrite(table, buffer.keys)
  buffers[table.id] = { lost: false, keys: [] }
}

/** AFTER ROW, new version, at once */
export function writeNew(table: BodyTable): void {
  rservWrite(table, [rservKey(table, NEW)])
}

/** AFTER ROW, old version, at once */
export function writeOld(table: BodyTable): void {
  rservWrite(table, [rservKey(table, OLD)])
}

/** AFTER TRUNCATE */
export function truncate(table: BodyTable): void {
  plv8.execute(table.whole)
}
