import type { SlaveTable } from '../apply/slave-tables.ts'
import { listSlaveTables } from '../apply/slave-tables.ts'
import { requireRole } from '../database/node.ts'
import type { ConfigSource } from '../database/session.ts'
import { currentConfig, openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { RecordedError } from '../record/last-error.ts'
import { listErrors } from '../record/last-error.ts'
import type { CommonOptions } from '../shared/events.ts'

export interface SlaveStatus {
  /** uuid of the slave database. */
  readonly nodeId: string
  readonly database: string
  readonly syncId: string | null
  /** ISO 8601. */
  readonly appliedAt: string | null
  readonly tables: readonly SlaveTable[]
  /** Errors that were recorded here because the master could not be reached; those that are over, too. */
  readonly errors: readonly RecordedError[]
}

/**
 * What a slave says of itself: its identity, its latest position, its tables.
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function describeSlave(slave: ConfigSource, options: CommonOptions = {}): Promise<SlaveStatus> {
  await using session = await openSession(await currentConfig(slave), 'slave', options)
  return await inTransaction(session, async () => {
    const { nodeId } = await requireRole(session, 'slave')
    const latest = await session.json<{ syncId: string; appliedAt: string } | null>(
      `select json_build_object('syncId', sync_id::text, 'appliedAt', applied_at) from rserv.slave_sync
        where sync_id is not null order by applied_at desc limit 1`,
    )
    return {
      nodeId,
      database: session.database,
      syncId: latest?.syncId ?? null,
      appliedAt: latest?.appliedAt ?? null,
      tables: await listSlaveTables(session),
      errors: await listErrors(session),
    }
  })
}
