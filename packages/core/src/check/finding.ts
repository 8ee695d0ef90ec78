import type { Session } from '../database/session.ts'
import type { Side } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'

/**
 * - `problem`: rows are missing, or a transfer will fail;
 * - `warning`: something that may become a problem, or may mean one;
 * - `note`: good to know.
 */
export type Severity = 'problem' | 'warning' | 'note'

/** Every code that a finding can have. Codes are stable; docs/check-and-verify.md lists them. */
export const FINDINGS = {
  unreachable: 'problem',
  'not-initialised': 'problem',
  'node-moved': 'problem',
  'schema-old': 'problem',
  'schema-too-new': 'problem',
  'same-node': 'problem',
  'table-gone': 'problem',
  'table-renamed': 'problem',
  'table-recreated': 'problem',
  'table-unsupported': 'problem',
  unlogged: 'problem',
  'row-security': 'problem',
  'key-column-changed': 'problem',
  'key-index-missing': 'problem',
  inherits: 'problem',
  'log-missing': 'problem',
  'backend-missing': 'problem',
  'backend-unusable': 'problem',
  'capture-unchecked': 'warning',
  'trigger-missing': 'problem',
  'trigger-disabled': 'problem',
  'trigger-altered': 'problem',
  'function-missing': 'problem',
  'function-altered': 'problem',
  'uncaptured-writes': 'warning',
  'replica-role': 'warning',
  subscription: 'warning',
  'copied-whole': 'warning',
  privilege: 'problem',
  'long-transaction': 'warning',
  'prepared-transaction': 'warning',
  'log-large': 'warning',
  'slave-silent': 'warning',
  'no-slave': 'note',
  'taken-by-nobody': 'warning',
  'not-captured': 'problem',
  'not-taken': 'note',
  'other-key': 'problem',
  parked: 'problem',
  'copy-pending': 'note',
  'position-unknown': 'problem',
  'log-gap': 'problem',
  'slave-table-missing': 'problem',
  'column-missing': 'problem',
  'column-type': 'problem',
  'column-generated': 'problem',
  'column-not-null': 'problem',
  'column-extra': 'note',
  'slave-key-missing': 'problem',
  'slave-unlogged': 'warning',
  'slave-trigger': 'warning',
  'foreign-key-outside': 'note',
  'sequence-missing': 'note',
  'sequence-behind': 'note',
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
