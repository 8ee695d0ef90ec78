import type { ClientConfig } from 'pg'
import { confirmSync } from '../acknowledge/confirm.ts'
import type { Confirmed } from '../acknowledge/confirm.ts'
import { requireRole, requireSource } from '../database/node.ts'
import { dropKept } from '../ddl/keep-rows.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'

export interface SyncIdResult {
  /** Decimal text; null when the slave never applied one. */
  readonly syncId: string | null
  /** uuid of the master that it came from. */
  readonly origin: string | null
}

/**
 * The last sync id that a slave applied; of several masters, the latest.
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function getSyncId(slave: ClientConfig, options: CommonOptions = {}): Promise<SyncIdResult> {
  await using session = await openSession(slave, 'slave', options)
  return await inTransaction(session, async () => {
    await requireRole(session, 'slave')
    const row = await session.row(
      `select sync_id, origin from rserv.slave_sync where sync_id is not null order by applied_at desc limit 1`,
    )
    return { syncId: row?.['sync_id'] ?? null, origin: row?.['origin'] ?? null }
  })
}

/**
 * Registers with the master that a slave has applied a sync id; an unknown or older one changes nothing.
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function masterSync(
  master: ClientConfig,
  syncId: bigint,
  options: CommonOptions = {},
): Promise<Confirmed> {
  await using session = await openSession(master, 'master', options)
  return await inTransaction(session, async () => {
    await requireSource(session)
    const confirmed = await confirmSync(session, syncId.toString())
    await dropKept(session)
    return confirmed
  })
}
