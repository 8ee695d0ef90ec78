import { codeOf, RservError } from '../shared/errors.ts'
import { quoteLiteral } from '../shared/names.ts'
import type { Session } from './session.ts'

export interface TransactionOptions {
  /** Default `read committed`. */
  isolation?: 'read committed' | 'repeatable read' | 'serializable read only deferrable'
  /** Milliseconds to wait for a lock; default 0, for ever. */
  lockTimeoutMs?: number
}

/**
 * Opens a transaction with all settings that rserv depends on, so that neither defaults of the role or
 * database nor a pooler's leftovers matter (cases 124 and 125). Takes no snapshot.
 */
export async function begin(session: Session, options: TransactionOptions = {}): Promise<void> {
  await session.run(beginStatements(session, options).join('; '))
}

/** The statements of `begin`, to be sent together with others. */
export function beginStatements(session: Session, options: TransactionOptions = {}): string[] {
  const isolation = options.isolation ?? 'read committed'
  const access = isolation.includes('read only') ? '' : ' read write'
  return [`begin isolation level ${isolation}${access}`, ...settingStatements(session, options)]
}

/** The settings of `begin`, as statements. */
export function settingStatements(session: Session, options: TransactionOptions = {}): string[] {
  const settings: Record<string, string> = {
    // First: it ends the others too.
    statement_timeout: '0',
    search_path: 'pg_catalog, pg_temp',
    synchronous_commit: session.durableCommit,
    lock_timeout: String(options.lockTimeoutMs ?? 0),
    idle_in_transaction_session_timeout: '0',
    DateStyle: 'ISO, YMD',
    IntervalStyle: 'postgres',
    TimeZone: 'UTC',
    extra_float_digits: '3',
    bytea_output: 'hex',
    xmloption: 'content',
    lc_monetary: 'C',
    row_security: 'off',
    standard_conforming_strings: 'on',
    client_min_messages: 'warning',
    // Joins and sorts of a transfer should stay in memory, and its short statements not be compiled.
    work_mem: '64MB',
    jit: 'off',
  }
  if (session.version >= 170_000) settings['transaction_timeout'] = '0'
  return Object.entries(settings).map(([name, value]) => `set local ${name} = ${settingValue(name, value)}`)
}

function settingValue(name: string, value: string): string {
  return name === 'search_path' || name === 'DateStyle' ? value : quoteLiteral(value)
}

/** Rolls back and hides a second failure: the first is the one to report. */
export async function rollback(session: Session): Promise<void> {
  // The end of the connection rolls back too.
  if (session.cutShort) await session[Symbol.asyncDispose]()
  else await session.run('rollback').catch(() => undefined)
}

/** Runs `work` in a transaction; commits when it returns, rolls back when it throws. */
export async function inTransaction<T>(
  session: Session,
  work: () => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  await begin(session, options)
  try {
    const result = await work()
    await session.run('commit')
    return result
  } catch (error) {
    await rollback(session)
    throw error
  }
}

/** Runs `work` with the role's own search_path: needed where its functions run or its names are resolved. */
export async function withOwnSearchPath<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.query(`select pg_catalog.set_config('search_path', $1, true)`, [session.searchPath])
  const result = await work()
  await session.run(`set local search_path = pg_catalog, pg_temp`)
  return result
}

/** Runs `work` under a savepoint; undone when it returns undefined, or throws one of the given SQLSTATEs. */
export async function tryWork<T>(
  session: Session,
  sqlStates: readonly string[],
  work: () => Promise<T>,
): Promise<T | undefined> {
  await session.run('savepoint rserv_try')
  try {
    const result = await work()
    await session.run(result === undefined ? 'rollback to savepoint rserv_try' : 'release savepoint rserv_try')
    return result
  } catch (error) {
    if (!sqlStates.includes(codeOf(error) ?? '')) throw error
    await session.run('rollback to savepoint rserv_try')
    return undefined
  }
}

export interface LockRetry {
  /** Milliseconds that one attempt waits; default 1000: writers queue behind a waiting lock, so it is short. */
  lockTimeoutMs?: number | undefined
  /** Attempts; default 30. */
  attempts?: number | undefined
  onWait?: ((attempt: number) => void) | undefined
  /** Default `read committed`; in `repeatable read` a row that somebody else changed meanwhile is tried again too. */
  isolation?: TransactionOptions['isolation']
}

/**
 * Runs a transaction that takes strong locks, again and again while they are not to be had.
 * @throws RservError LOCK_TIMEOUT after the last attempt
 */
export async function withLockRetry<T>(session: Session, retry: LockRetry, work: () => Promise<T>): Promise<T> {
  const attempts = retry.attempts ?? 30
  for (let attempt = 1; ; attempt++) {
    try {
      const { lockTimeoutMs = 1000, isolation = 'read committed' } = retry
      return await inTransaction(session, work, { lockTimeoutMs, isolation })
    } catch (error) {
      const retryable = ['55P03', '40P01', '40001'].includes(codeOf(error) ?? '')
      if (!retryable) throw error
      if (attempt >= attempts) throw lockTimeout(session, attempts, error)
      retry.onWait?.(attempt)
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * Math.min(100 * attempt, 1000)))
    }
  }
}

function lockTimeout(session: Session, attempts: number, cause: unknown): RservError {
  return new RservError('LOCK_TIMEOUT', `a lock was not to be had in ${attempts} attempts; nothing was changed`, {
    side: session.side,
    sqlState: '55P03',
    hint: 'End the long transactions on the table (pg_stat_activity, pg_locks), or raise --lock-timeout.',
    cause,
  })
}
