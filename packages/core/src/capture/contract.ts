import type { QualifiedName } from '../shared/names.ts'
import type { TypeKind } from '../shared/type-kind.ts'

/** The version of this contract; a backend written for another one is refused. */
export const CONTRACT_VERSION = 1

/** `statement`: one log statement per statement of the application; `row`: one per row. */
export type Granularity = 'statement' | 'row'

/**
 * Which UPDATEs may change a key. `named`: those whose SET list names a column of it, so that a trigger `UPDATE OF` sees
 * them all. The table may get a BEFORE trigger later, which can change any column: `rserv.keys_are_named(table id)`
 * tells, and a capture that relies on names has to ask it and to log an unknown key where it is false.
 */
export type KeyUpdates = 'named' | 'any'

export interface KeyColumn {
  /** Column of the captured table. */
  readonly column: string
  /** Column of the log that takes it. */
  readonly logColumn: string
  /** SQL text of the log column's type: the column's own, domains resolved. */
  readonly type: string
  readonly kind: TypeKind
  /** The key index's equality operator for this column. */
  readonly equality: QualifiedName
}

/** A table to capture, and where its keys go. */
export interface CaptureTable {
  /** Number that makes the names of functions and triggers unique and short. */
  readonly tableId: number
  readonly table: QualifiedName
  readonly partitioned: boolean
  /** Partitions, all levels; a TRUNCATE of one fires only its own triggers. */
  readonly partitions: readonly QualifiedName[]
  /** Never null in a row. */
  readonly keyColumns: readonly KeyColumn[]
  readonly granularity: Granularity
  /** A backend may always take it for `any`. */
  readonly keyUpdates: KeyUpdates
  /** Log table: column `xid` (bigint, of `txid_current()`) and the log columns of the keys. */
  readonly log: QualifiedName
  /** Log of TRUNCATE: columns `xid` (bigint) and `table_id` (integer). */
  readonly truncateLog: QualifiedName
}

/** Facts of a server that a backend may depend on. */
export interface ServerFacts {
  /** server_version_num, e.g. 180004 */
  readonly version: number
  /** Procedural languages that are installed in the database. */
  readonly languages: readonly string[]
}

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string; readonly hint: string }

/** What a backend can do beyond row triggers; a flag left out is false. */
export interface BackendCapabilities {
  /** Can capture with statement triggers, for tables that are not partitioned. */
  readonly statementGranularity?: boolean
}

/**
 * Generates the SQL that captures the keys of changed rows of one table. Pure: opens no connection, keeps no
 * state. What the SQL must do in the application's transaction is in docs/reference/backends.md.
 */
export interface TriggerBackend {
  /** Short stable name, as in `--backend plpgsql`. */
  readonly name: string
  /** CONTRACT_VERSION that it was written for. */
  readonly contractVersion: number
  readonly capabilities: BackendCapabilities
  /** Can this server host the backend? */
  canHost(server: ServerFacts): Verdict
  /** Can this table be captured? Asked with the granularity that will be used. */
  canCapture(table: CaptureTable): Verdict
  /**
   * Statements that create or replace the functions. Run again to point them at another log table, so they
   * must not lock the captured table. Every function is in the schema `rserv`.
   */
  createFunctions(table: CaptureTable): string[]
  /** Statements that create the triggers; all of them call functions in the schema `rserv`. */
  createTriggers(table: CaptureTable): string[]
  /** Statements that remove triggers and functions, also where only some of them exist. */
  remove(table: CaptureTable): string[]
}

/** Finds a backend by name. @throws RservError BACKEND */
export type BackendResolver = (name: string) => Promise<TriggerBackend>
