import { CONFIRM_TIMEOUT_MS, confirmSync } from '../acknowledge/confirm.ts'
import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'

/** Tells the master how far the slave is. Where that fails the slave has it still, and says so at the next run. */
export async function confirmApplied(master: Session, syncId: string, options: CommonOptions): Promise<void> {
  const work = (): Promise<unknown> => confirmSync(master, syncId)
  await inTransaction(master, work, { lockTimeoutMs: CONFIRM_TIMEOUT_MS }).catch((error: unknown) => {
    options.onEvent?.({ kind: 'notice', message: `applied, but not registered with the master: ${String(error)}` })
  })
}
