import type { Session } from '../database/session.ts'
import type { Side } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'

/**
 * - `problem`: rows are missing, or a transfer will fail;
 * - `warning`: something that may become a problem, or may mean one;
 * - `note`: good to know.
 */
export type Severity = 'problem' | 'warning' | 'note'

/** Every code that a finding can have. Codes are stable; docs/reference/findings.md is made from the comments. */
export const FINDINGS = {
  // On either side
  /** No connection; the text says why. */
  unreachable: 'problem',
  /** The master is a copy of one that was set up elsewhere: a restored dump, a template, after pg_upgrade. */
  'node-moved': 'problem',
  /** The database is not set up as a master or slave. */
  'not-initialised': 'problem',
  /** The rserv schema is older than the program. */
  'schema-old': 'problem',
  /** The rserv schema is newer than the program. */
  'schema-too-new': 'problem',
  /** The role lacks a right that transfers need. */
  privilege: 'problem',
  /** Row-level security hides rows from the role. */
  'row-security': 'problem',
  // On the master
  /** A captured table was dropped. */
  'table-gone': 'problem',
  /** A captured table was renamed or moved to another schema. */
  'table-renamed': 'problem',
  /** Another table has the name now: it was dropped and created again, or the database was restored from a dump. */
  'table-recreated': 'problem',
  /** It became something that cannot be captured, such as a partition. */
  'table-unsupported': 'problem',
  /** A crash would empty the table without a trigger. */
  unlogged: 'problem',
  /** A key column is gone, or another column has its name. */
  'key-column-changed': 'problem',
  /** The key has no unique index any more, or may be NULL. */
  'key-index-missing': 'problem',
  /** Statements that name its new parent are not captured. */
  inherits: 'problem',
  /** A log table was dropped. */
  'log-missing': 'problem',
  /** The package of the table's trigger backend is not installed here. */
  'backend-missing': 'problem',
  /** The server cannot host the backend any more. */
  'backend-unusable': 'problem',
  /** The triggers and functions could not be compared; the role must own the functions. */
  'capture-unchecked': 'warning',
  /** A capture trigger was dropped. */
  'trigger-missing': 'problem',
  /** A capture trigger is disabled, on the table or one of its partitions. */
  'trigger-disabled': 'problem',
  /** A capture trigger is not what the backend makes. */
  'trigger-altered': 'problem',
  /** A capture function was dropped. */
  'function-missing': 'problem',
  /** A capture function is not what the backend makes. */
  'function-altered': 'problem',
  /** The statistics counted more writes than the log, see below. */
  'uncaptured-writes': 'warning',
  /** A role or the database has `session_replication_role = replica` as a default: no trigger fires. */
  'replica-role': 'warning',
  /** Built-in replication writes a captured table, which fires no capture trigger. */
  subscription: 'warning',
  /** DDL may have changed rows unseen: the next transfer copies the table. */
  'copied-whole': 'warning',
  /** A transaction has been open for more than ten minutes. */
  'long-transaction': 'warning',
  /** A transaction has been prepared for more than ten minutes. */
  'prepared-transaction': 'warning',
  /** All logs together take more than 1 GiB; the slowest slave is named. */
  'log-large': 'warning',
  /** A slave confirmed nothing for a day. */
  'slave-silent': 'warning',
  /** A slave has not run a script of `ddl` yet: it could not be reached, or the script fails there. */
  'script-waiting': 'warning',
  /** A captured table that no slave takes. */
  'taken-by-nobody': 'warning',
  /** No slave has registered yet. */
  'no-slave': 'note',
  // On each slave given
  /** It has the master's identity: one database, or a clone. */
  'same-node': 'problem',
  /** The slave takes a table that the master does not capture. */
  'not-captured': 'problem',
  /** The master captures a table that the slave does not take. */
  'not-taken': 'note',
  /** The two find rows by different keys. */
  'other-key': 'problem',
  /** Its transfers failed; it is left out so that the others go on, and tried again. */
  parked: 'problem',
  /** The next transfer copies the table. */
  'copy-pending': 'note',
  /** The slave takes its tables from the master that took this one's place. */
  'other-master': 'problem',
  /** The master does not know the slave's position: after a restore, for a clone, or for one that a change of roles left behind. */
  'position-unknown': 'problem',
  /** The log no longer reaches back to the slave's position. */
  'log-gap': 'problem',
  /** The table is not there. */
  'slave-table-missing': 'problem',
  /** A column of the master is not there. */
  'column-missing': 'problem',
  /** A column cannot hold every value of the master's. */
  'column-type': 'problem',
  /** A column is generated here only. */
  'column-generated': 'problem',
  /** A column that nothing arrives for is NOT NULL without a default. */
  'column-not-null': 'problem',
  /** A column that nothing arrives for. */
  'column-extra': 'note',
  /** The key has no unique index, or may be NULL. */
  'slave-key-missing': 'problem',
  /** A crash of the slave would empty the table unseen. */
  'slave-unlogged': 'warning',
  /** A trigger or rule that is ENABLE ALWAYS or REPLICA runs for what arrives. */
  'slave-trigger': 'warning',
  /** A foreign key points to a table that is not replicated; the fix lists rows without a parent. */
  'foreign-key-outside': 'note',
  /** A sequence is on the master only, or was registered and is gone. */
  'sequence-missing': 'note',
  /** A sequence is behind the master's: the next transfer moves it. */
  'sequence-behind': 'note',
  // On each slave that keeps a log: could it take its master's place?
  /** Nothing stands against it: it keeps a log and has what the master has. */
  'takeover-ready': 'note',
  /** The slave keeps no log of this table. */
  'takeover-log': 'warning',
  /** Its own capture is broken, or does not see what transfers write. */
  'takeover-capture': 'warning',
  /** Others than transfers can write the table. */
  'takeover-guard': 'warning',
  /** A constraint of the master is missing or not in force. */
  'takeover-constraint': 'warning',
  /** An index of the master is missing or invalid. */
  'takeover-index': 'warning',
  /** A trigger of the master is missing or disabled. */
  'takeover-trigger': 'warning',
  /** A default or NOT NULL of the master is missing. */
  'takeover-default': 'warning',
  /** A grant of the master is missing. */
  'takeover-grant': 'warning',
} as const satisfies Record<string, Severity>

export type FindingCode = keyof typeof FINDINGS

export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  readonly side: Side
  readonly database: string
  /** Null where it is about the whole database. */
  readonly table: QualifiedName | null
  readonly text: string
  /** What to do: a command or SQL statement where there is one. */
  readonly fix: string
}

interface Where {
  readonly session: Pick<Session, 'side' | 'database'>
  readonly table?: QualifiedName
}

export function finding(code: FindingCode, { session, table }: Where, text: string, fix: string): Finding {
  const { side, database } = session
  return { code, severity: FINDINGS[code], side, database, table: table ?? null, text, fix }
}

/** From when on something is worth a warning. */
export interface CheckLimits {
  /** Age in seconds of a transaction; default 600. */
  readonly transactionSeconds: number
  /** Bytes of all logs together, with their indexes; default 1 GiB. */
  readonly logBytes: number
  /** Seconds since a slave last confirmed a position; default 86400. */
  readonly silentSeconds: number
}

export const DEFAULT_LIMITS: CheckLimits = { transactionSeconds: 600, logBytes: 1024 ** 3, silentSeconds: 86_400 }
