import { setTimeout as sleep } from 'node:timers/promises'
import { captureAlways, guardStatements, guardTriggers } from '../capture/guard.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { begin, inTransaction, rollback } from '../database/transaction.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'

/**
 * Milliseconds that one attempt at all locks may take together: the application may wait for one that we have while we wait
 * for another, and the server would end its transaction, not ours, after deadlock_timeout (case 175).
 */
const ATTEMPT_MS = 400
/** Milliseconds without any lock between two attempts. */
const GIVE_WAY_MS = 100

/** One at a time refuses writes or lets them go on. */
const FENCING = `select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('rserv.fence', 0))`

export interface FenceOptions {
  /** Milliseconds to go on trying. */
  readonly limitMs: number
  /** uuid of the node that takes over; null: no handover. */
  readonly newMaster: string | null
  /** Undo it at once: only see how long it takes. */
  readonly rehearse?: boolean
}

/**
 * Refuses all writes to the captured tables (SQLSTATE 25006), for transactions that end in time; and lets the capture see
 * what transfers will write. All or nothing: where the locks are not to be had, nothing has changed.
 * @returns milliseconds that writers waited
 * @throws RservError LOCK_TIMEOUT, which names who holds the locks
 */
export async function fence(session: Session, options: FenceOptions): Promise<number> {
  const started = performance.now()
  for (;;) {
    const attempt = performance.now()
    try {
      await attemptFence(session, options)
      return performance.now() - attempt
    } catch (error) {
      await rollback(session)
      if (!['55P03', '57014', '40P01'].includes(codeOf(error) ?? '')) throw error
      if (performance.now() - started > options.limitMs) throw await timedOut(session, error)
      await sleep(GIVE_WAY_MS)
    }
  }
}

async function attemptFence(session: Session, { newMaster, rehearse }: FenceOptions): Promise<void> {
  await begin(session, { lockTimeoutMs: ATTEMPT_MS })
  await session.query(FENCING)
  const tables = await listReplicated(session)
  if (tables.length > 0) {
    await session.run(`set local statement_timeout = ${ATTEMPT_MS}`)
    const names = tables.map(({ table }) => quoteName(table)).join(', ')
    await session.run(`lock table ${names} in share row exclusive mode`)
    await session.run('set local statement_timeout = 0')
  }
  for (const { table } of tables) {
    const description = await describeTable(session, table)
    if (!description) continue
    for (const statement of guardStatements(description)) await session.run(statement)
    await switchGuard(session, 'enable', [description.oid])
    await captureAlways(session, description)
  }
  if (newMaster !== null) {
    await session.run(
      `insert into rserv.handover (new_master) values ($1) on conflict (singleton) do update set new_master = excluded.new_master`,
      [newMaster],
    )
  }
  await session.run(rehearse ? 'rollback' : 'commit')
}

/** Lets everybody write again. Takes no lock that readers wait for. */
export async function unfence(session: Session): Promise<void> {
  await inTransaction(session, async () => {
    // One whose answer was lost may still be committing.
    await session.query(FENCING)
    await openTables(session)
    await session.run('delete from rserv.handover')
  })
}

/** The same inside the caller's transaction. */
export async function openTables(session: Session): Promise<void> {
  const tables = await listReplicated(session)
  await switchGuard(
    session,
    'disable',
    tables.map(({ oid }) => oid),
  )
}

/** Inside a transaction. */
export async function switchGuard(
  session: Session,
  how: 'enable' | 'disable',
  roots: readonly string[],
): Promise<void> {
  for (const { table, name, enabled } of await guardTriggers(session, roots)) {
    if (enabled === (how === 'enable')) continue
    await session.run(`alter table ${quoteName(table)} ${how} trigger ${quoteIdent(name)}`)
  }
}

/** Who holds a lock that stands against ours. */
const HOLDERS = `select coalesce(string_agg(distinct coalesce('process ' || l.pid || ' (' || a.usename || ', ' || a.state || ', since ' ||
      date_trunc('second', a.xact_start) || ')', 'a prepared transaction'), ', '), 'somebody who is gone now') as who
  from pg_locks l left join pg_stat_activity a on a.pid = l.pid
  where l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database())
    and l.relation in (select table_oid from rserv.replicated_table) and l.granted
    and l.mode not in ('AccessShareLock', 'RowShareLock')`

async function timedOut(session: Session, cause: unknown): Promise<RservError> {
  const row = await inTransaction(session, () => session.row(HOLDERS))
  return new RservError('LOCK_TIMEOUT', `transactions that write did not end in time: ${row?.['who']}`, {
    side: 'master',
    sqlState: '55P03',
    hint: 'Nothing was changed, and everybody can write. End them (pg_terminate_backend, ROLLBACK PREPARED), or give more time with --time-limit.',
    cause,
  })
}
