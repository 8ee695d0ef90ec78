import type { ClientConfig } from 'pg'
import type { ErrorCode, Side } from '../shared/errors.ts'
import { codeOf, RservError } from '../shared/errors.ts'

/** SQLSTATEs that a user can act on, and how. */
const KNOWN: Record<string, readonly [ErrorCode, string]> = {
  '42501': ['PRIVILEGE', 'Grant the role what the message names; docs/reference/privileges.md lists what rserv needs.'],
  '55P03': ['LOCK_TIMEOUT', 'Another session holds the lock; try again when it is done.'],
  '57014': ['CANCELLED', 'The statement was cancelled on the server; run the command again.'],
  '57P01': ['CONNECT', 'The server ended the connection; run the command again.'],
  '57P02': ['CONNECT', 'The server crashed; run the command again when it is up.'],
  '57P03': ['CONNECT', 'The server is starting up or shutting down; run the command again later.'],
  '53100': ['SQL', 'The server has no disk space left; nothing was applied, and the next run goes on from there.'],
  '53200': [
    'SQL',
    'The server ran out of memory or locks: with many tables or partitions raise max_locks_per_transaction.',
  ],
  '53300': ['CONNECT', 'The server has no free connection; raise max_connections or try again later.'],
  '3D000': ['CONNECT', 'Create the database, or check its name.'],
  '28P01': ['CONNECT', 'Check user and password (PGPASSWORD, ~/.pgpass or the URI).'],
  '28000': ['CONNECT', 'Check the user and pg_hba.conf.'],
  '25006': ['STANDBY', 'The server or database is read-only; give the primary.'],
}

/** Wraps an error of a statement so that it says on which side it happened. */
export function sqlError(error: unknown, side: Side): RservError {
  if (error instanceof RservError) return error
  const sqlState = codeOf(error)
  const fields = error as { message?: string; detail?: string; where?: string; hint?: string }
  const [code, hint] = (sqlState && KNOWN[sqlState]) || fallback(sqlState, fields)
  const detail = fields.detail ? ` (${fields.detail})` : ''
  return new RservError(code, `${side}: ${fields.message ?? String(error)}${detail}`, {
    side,
    sqlState,
    hint,
    cause: error,
  })
}

function fallback(sqlState: string | undefined, fields: { hint?: string }): readonly [ErrorCode, string | undefined] {
  const fromServer = sqlState !== undefined && /^[0-9A-Z]{5}$/.test(sqlState)
  return fromServer ? ['SQL', fields.hint] : ['CONNECT', 'The connection was lost; run the command again.']
}

/** Wraps an error of connecting. */
export function connectError(error: unknown, config: ClientConfig, side: Side): RservError {
  const wrapped = sqlError(error, side)
  const where = [config.host, config.port].filter(Boolean).join(':')
  const target = `${config.database ?? ''}${where ? ` at ${where}` : ''}`
  const reason = error instanceof AggregateError ? error.errors.map((e: Error) => e.message).join('; ') : ''
  return new RservError('CONNECT', `cannot connect to database ${target}: ${reason || wrapped.message}`, {
    side,
    sqlState: wrapped.sqlState,
    hint: wrapped.sqlState && KNOWN[wrapped.sqlState] ? wrapped.hint : 'Is the server running there?',
    cause: error,
  })
}
