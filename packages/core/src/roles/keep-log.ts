import type { ClientConfig } from 'pg'
import { lockBetweenTransfers } from '../apply/slave-position.ts'
import type { SlaveTable } from '../apply/slave-tables.ts'
import { listSlaveTables } from '../apply/slave-tables.ts'
import type { BackendResolver, TriggerBackend } from '../capture/contract.ts'
import { checkBackend } from '../capture/install.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { describeTable } from '../database/describe-table.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import type { LockRetry } from '../database/transaction.ts'
import { inTransaction, withLockRetry } from '../database/transaction.ts'
import { installTable, prepareTable } from '../operations/install-table.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, sameName } from '../shared/names.ts'
import { captureAlways, guardStatements } from '../capture/guard.ts'
import { switchGuard } from './fence.ts'

export interface KeepLogOptions extends CommonOptions, Pick<LockRetry, 'attempts' | 'lockTimeoutMs'> {
  /** Tables that the slave takes; default all of them. */
  tables?: readonly QualifiedName[] | undefined
  /** Trigger backend; default the slave's, else plpgsql. */
  backend?: string | undefined
  backends: BackendResolver
}

export interface KeptTable {
  readonly table: QualifiedName
  readonly outcome: 'kept' | 'already-kept'
}

/**
 * Lets a slave keep a log of its own: the keys of all that transfers write there go into typed logs, as on a master, and
 * beside each position of its master that it applies stands its own position just after. Others than transfers can write
 * the tables no longer (SQLSTATE 25006). Such a slave can feed others and take over. While it is in service, and again,
 * to mend what is missing; each table in a transaction of its own, under SHARE ROW EXCLUSIVE.
 * @throws RservError NOT_REPLICATED, NO_SUCH_TABLE, NO_KEY, BACKEND, PRIVILEGE, LOCK_TIMEOUT, BUSY, NOT_INITIALISED, WRONG_ROLE
 */
export async function keepLog(slave: ClientConfig, options: KeepLogOptions): Promise<{ tables: KeptTable[] }> {
  await using session = await openSession(slave, 'slave', options)
  const node = await inTransaction(session, () => requireRole(session, 'slave'))
  const backend = await options.backends(options.backend ?? node.backend ?? 'plpgsql')
  const chosen = await inTransaction(session, async () => {
    await checkBackend(session, backend)
    return choose(session, options.tables)
  })
  const tables: KeptTable[] = []
  for (const table of chosen) {
    const onWait = (attempt: number): void =>
      options.onEvent?.({
        kind: 'notice',
        message: `waiting for a lock on ${displayName(table.table)} (attempt ${attempt})`,
      })
    tables.push(await withLockRetry(session, { ...options, onWait }, () => keepOne(session, table, backend)))
  }
  const { attempts = 30, lockTimeoutMs = 1000 } = options
  const begin = (): Promise<void> => beginHistory(session, backend)
  await inTransaction(session, begin, { lockTimeoutMs: attempts * lockTimeoutMs })
  return { tables }
}

async function choose(session: Session, wanted: readonly QualifiedName[] | undefined): Promise<SlaveTable[]> {
  const registered = await listSlaveTables(session)
  if (!wanted) return registered
  return wanted.map((table) => {
    const found = registered.find((other) => sameName(other.table, table))
    if (found) return found
    throw new RservError('NOT_REPLICATED', `the slave does not take table ${displayName(table)}`, {
      side: 'slave',
      hint: 'Register it first: rserv slave-add-table.',
    })
  })
}

async function keepOne(
  session: Session,
  { table, keyColumns }: SlaveTable,
  backend: TriggerBackend,
): Promise<KeptTable> {
  await session.query(`select pg_advisory_xact_lock(hashtextextended('rserv.add-table', 0))`)
  const known = (await listReplicated(session)).find((other) => sameName(other.table, table))
  if (!known) {
    const prepared = await prepareTable(session, table, backend, { keyColumns: [...keyColumns] })
    await installTable(session, prepared, backend)
  }
  const description = await describeTable(session, table)
  if (!description) throw new RservError('NO_SUCH_TABLE', `no table ${displayName(table)}`, { side: 'slave' })
  await captureAlways(session, description)
  for (const statement of guardStatements(description)) await session.run(statement)
  await switchGuard(session, 'enable', [description.oid])
  return { table, outcome: known ? 'already-kept' : 'kept' }
}

/** Between two transfers: the log is complete from here on, and the positions that the slave is at are written down. */
async function beginHistory(session: Session, backend: TriggerBackend): Promise<void> {
  const origins = await session.query('select origin from rserv.slave_sync where position is not null')
  for (const { origin } of origins) await lockBetweenTransfers(session, origin ?? '')
  await session.run(
    `insert into rserv.applied (own_xid, origin, sync_id, position, token, own_position)
      select pg_current_xact_id(), origin, sync_id, position, token, rserv.own_position() from rserv.slave_sync
      where position is not null`,
  )
  await session.run('update rserv.node set keeps_log = true, backend = coalesce(backend, $1), place = rserv.place()', [
    backend.name,
  ])
}
