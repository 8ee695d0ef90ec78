import type { ClientConfig } from 'pg'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'
import { quoteIdent } from '../shared/names.ts'

/**
 * Lets libpq find the master among several hosts with `target_session_attrs=read-write`: sessions of the other databases
 * are read-only by default. rserv itself is not touched by that. Only the database's owner may say so.
 * @throws RservError PRIVILEGE, CONNECT
 */
export async function announceRole(
  database: ClientConfig,
  role: 'master' | 'slave',
  options: CommonOptions = {},
): Promise<void> {
  await using session = await openSession(database, role, options)
  const how = role === 'master' ? 'reset default_transaction_read_only' : 'set default_transaction_read_only = on'
  await inTransaction(session, () => session.run(`alter database ${quoteIdent(session.database)} ${how}`))
}
