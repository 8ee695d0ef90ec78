/** What a committed transaction must have logged of one table. */
export interface LoggedKeys {
  /** Table name as in the script's DDL, without schema. */
  readonly table: string
  /** Keys, each as the text of its columns in key order, `['1', 'a']`. */
  readonly keys: readonly (readonly string[])[]
  /** The table was truncated. Default false. */
  readonly truncated?: boolean
}

/** One transaction of the application. */
export interface Step {
  /** Statements, run one by one in one transaction. */
  readonly sql: readonly string[]
  /** What the log must hold of it; tables left out: nothing. */
  readonly logs: readonly LoggedKeys[]
  /** The transaction is rolled back; nothing may be logged. */
  readonly rollback?: boolean
  /**
   * A statement fails and is undone (by a savepoint or an EXCEPTION block): keys more than those expected are
   * harmless then. Default false: the log must be exact.
   */
  readonly extrasAllowed?: boolean
  /** The log may say truncated instead, that is, that any key of the table may have changed. Default false. */
  readonly orTruncated?: boolean
  /** The transaction ends by way of PREPARE TRANSACTION. */
  readonly prepare?: boolean
}

/** A fixed script of changes and what a trigger backend must log of each. */
export interface Script {
  readonly name: string
  /** Oldest major version of PostgreSQL that knows the statements; default 14. */
  readonly since?: number
  readonly ddl: string
  /** Tables to capture, with key columns where they are not the primary key. */
  readonly tables: readonly { readonly name: string; readonly keyColumns?: readonly string[] }[]
  readonly steps: readonly Step[]
}

/** `keys('t', 1, 2)`: single-column keys of a table. */
export function keys(table: string, ...values: readonly (string | number)[]): LoggedKeys {
  return { table, keys: values.map((value) => [String(value)]) }
}

/** `step(['insert …'], keys('t', 1))` */
export function step(sql: readonly string[], ...logs: readonly LoggedKeys[]): Step {
  return { sql, logs }
}
