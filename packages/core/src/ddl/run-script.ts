import { settingStatements } from '../database/transaction.ts'
import type { TransactionOptions } from '../database/transaction.ts'
import type { Session } from '../database/session.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import type { Script } from './script.ts'

/** By SQLSTATE, what to do about a script that failed. */
const HINTS: Record<string, string> = {
  '0A000':
    'COMMIT and other transaction control, and COPY from the client, have no place in a script: all of it is one transaction.',
  '25001':
    'It cannot run inside a transaction (as CREATE INDEX CONCURRENTLY or VACUUM). If it changes no column and no row, run it by hand on each side.',
  '2D000': 'A script is one transaction: leave COMMIT and ROLLBACK out.',
  '42501': 'Connect as a role that owns what the script changes (--masteruser, --slaveuser).',
}

/**
 * Runs a script inside the caller's transaction, with its search_path; everything that rserv depends on is set again
 * afterwards, whatever the script has set.
 * @throws RservError SCRIPT with the SQLSTATE; LOCK_TIMEOUT, CONNECT, CANCELLED as of any statement
 */
export async function runScript(
  session: Session,
  { text, searchPath }: Pick<Script, 'text' | 'searchPath'>,
  options: TransactionOptions = {},
): Promise<void> {
  await session.query(`select pg_catalog.set_config('search_path', $1, true)`, [searchPath])
  try {
    await session.query('select rserv.run_script($1)', [text])
  } catch (error) {
    throw scriptError(error, text)
  }
  await session.batch([
    'reset session authorization',
    'reset role',
    'reset all',
    ...settingStatements(session, options),
  ])
}

function scriptError(error: unknown, text: string): unknown {
  if (!(error instanceof RservError) || (error.code !== 'SQL' && error.code !== 'PRIVILEGE')) return error
  const sqlState = codeOf(error) ?? ''
  const at = (error.cause as { internalPosition?: string } | undefined)?.internalPosition
  const line =
    at === undefined ? '' : ` (line ${[...text].slice(0, Number(at)).filter((one) => one === '\n').length + 1})`
  return new RservError('SCRIPT', `the script fails on the ${error.message}${line}`, {
    side: error.side,
    sqlState,
    hint: HINTS[sqlState] ?? error.hint ?? 'Nothing was changed by it there.',
    cause: error,
  })
}
