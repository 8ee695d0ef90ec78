/**
 * Types of PLV8's API, as far as PLV8 3.2 has it inside a function. npm has none.
 * Source: the documentation and behaviour of PLV8 3.2.2.
 */

/** A value as PLV8 converts it from SQL; see docs/explanation/plv8.md for what that loses. */
export type SqlValue = string | number | bigint | boolean | Date | Uint8Array | null | object

export type Row = Record<string, SqlValue>

export interface Plan {
  /** Number of rows for DML, rows for SELECT and RETURNING. A subtransaction. */
  execute(parameters?: readonly unknown[]): number | Row[]
  cursor(parameters?: readonly unknown[]): Cursor
  free(): void
}

export interface Cursor {
  fetch(): Row | undefined
  fetch(rows: number): Row[] | undefined
  move(rows: number): void
  close(): void
}

export type ElogLevel =
  | 'DEBUG5'
  | 'DEBUG4'
  | 'DEBUG3'
  | 'DEBUG2'
  | 'DEBUG1'
  | 'LOG'
  | 'INFO'
  | 'NOTICE'
  | 'WARNING'
  | 'ERROR'

export interface Plv8 {
  readonly version: string
  execute(sql: string, parameters?: readonly unknown[]): number | Row[]
  prepare(sql: string, types?: readonly string[]): Plan
  subtransaction<T>(work: () => T): T
  elog(level: ElogLevel, ...message: unknown[]): void
  find_function(signature: string): (...parameters: unknown[]) => unknown
  quote_literal(text: string): string
  quote_nullable(text: string | null): string
  quote_ident(text: string): string
}
