import type { Session } from '../database/session.ts'
import { tryWork } from '../database/transaction.ts'

/**
 * Switches foreign keys, ordinary triggers and rules off for the rest of the transaction, if the role may
 * (case 123). SET LOCAL: a pooler must not hand the setting on (case 125).
 */
export async function becomeReplica(session: Session): Promise<boolean> {
  const done = await tryWork(session, ['42501'], () =>
    session.run('set local session_replication_role = replica').then(() => true),
  )
  return done ?? false
}
