import type { QualifiedName } from './names.ts'

/** Every error that rserv raises on purpose; the comment says when. */
export type ErrorCode =
  /** The connection could not be made or was lost. */
  | 'CONNECT'
  /** The server is older than PostgreSQL 14. */
  | 'SERVER_TOO_OLD'
  /** The database has no rserv schema, or not for this role. */
  | 'NOT_INITIALISED'
  /** The bookkeeping was copied here from another master: by a dump, a template or pg_upgrade. */
  | 'NODE_MOVED'
  /** The database's rserv schema is newer than this program. */
  | 'SCHEMA_TOO_NEW'
  /** A master's task was asked of a database that is only a slave, or the other way round. */
  | 'WRONG_ROLE'
  /** The master is a standby: its snapshots do not list running transactions. */
  | 'STANDBY'
  /** A pooler in transaction mode is between: who follows a slave needs a session of its own. */
  | 'POOLER'
  /** Master and slave are one database. */
  | 'SAME_NODE'
  /** The master was replaced by a promotion: it is of an older generation, and feeds nobody. */
  | 'OLD_GENERATION'
  /** The two nodes share no state that both have on record: tables have to be copied. */
  | 'NOTHING_IN_COMMON'
  /** The slave is not ready to take its master's place. */
  | 'NOT_READY'
  /** A name could not be read, e.g. an unclosed quote. */
  | 'BAD_NAME'
  /** No table has this name, or none that this role may see. */
  | 'NO_SUCH_TABLE'
  /** A key column was named that the table does not have. */
  | 'NO_SUCH_COLUMN'
  /** No sequence of that name, or none that matches the pattern. */
  | 'NO_SUCH_SEQUENCE'
  /** No primary key, or the named columns are no NOT NULL unique key. */
  | 'NO_KEY'
  /** A view, foreign, temporary, unlogged, system table, or a partition of another table. */
  | 'UNSUPPORTED_TABLE'
  /** The table is not captured on the master, or not registered on the slave. */
  | 'NOT_REPLICATED'
  /** Already registered with another key, backend or granularity. */
  | 'ALREADY_DIFFERENT'
  /** Row-level security would hide rows from rserv. */
  | 'ROW_SECURITY'
  /** The role lacks a privilege. */
  | 'PRIVILEGE'
  /** A lock was not to be had in time. */
  | 'LOCK_TIMEOUT'
  /** Another replicator works for this slave. */
  | 'BUSY'
  /** The log no longer, or not yet, covers the slave's position. */
  | 'LOG_GAP'
  /** The log is kept for the slave no longer: it had passed its limit. */
  | 'DETACHED'
  /** The master does not know the slave's position: it was restored, or is another database. */
  | 'POSITION_UNKNOWN'
  /** The table was dropped, re-created or renamed, or its capture was altered. */
  | 'CAPTURE_BROKEN'
  /** DDL changed the table while its transfer was being prepared; passes at the next attempt. */
  | 'ALTERED'
  /** The slave's table cannot hold what arrives. */
  | 'TABLE_MISMATCH'
  /** Tables could not be created as on the master: pg_dump is missing, too old or failed, or the slave lacks what they need. */
  | 'SCHEMA'
  /** A trigger or rule on the slave changed or swallowed rows. */
  | 'ROWS_SWALLOWED'
  /** The snapshot file is damaged, incomplete or of an unknown format. */
  | 'BAD_SNAPSHOT'
  /** The snapshot file is for another slave or from another position. */
  | 'WRONG_SNAPSHOT'
  /** The trigger backend is unknown, broken or unsuitable. */
  | 'BACKEND'
  /** A script of `ddl` failed; its SQLSTATE is in `sqlState`. Nothing was changed by it on that side. */
  | 'SCRIPT'
  /** A parameter has no sensible meaning. */
  | 'BAD_ARGUMENT'
  /** The server refused a statement; its SQLSTATE is in `sqlState`. */
  | 'SQL'
  /** Told to stop, by a signal or an AbortSignal; what was under way was rolled back. */
  | 'CANCELLED'

export type Side = 'master' | 'slave'

export interface ErrorDetails {
  /** What to do, one or two sentences. */
  hint?: string | undefined
  side?: Side | undefined
  cause?: unknown
  /** The table that it happened with, where it was one. */
  table?: QualifiedName | undefined
  /** SQLSTATE of the server's error, five characters. */
  sqlState?: string | undefined
}

/** An error with a stable code, for programs, and a hint, for people. */
export class RservError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly side: Side | undefined
  readonly sqlState: string | undefined
  readonly table: QualifiedName | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'RservError'
    this.code = code
    this.hint = details.hint
    this.side = details.side
    this.sqlState = details.sqlState
    this.table = details.table
  }
}

/** The SQLSTATE (or Node's error code, such as ECONNREFUSED) of an error, if it has one. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof RservError) return error.sqlState
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}
