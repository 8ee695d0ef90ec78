import type { ClientConfig } from 'pg'
import type { Finding } from '../check/finding.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'
import { missingForTakeover } from './check-slave.ts'

/** Could the slave take its master's place? */
export interface TakeoverStatus {
  /** Does it log what it applies? Without that it cannot. */
  readonly keepsLog: boolean
  readonly ready: boolean
  /** What stands against it, of `check`; empty for a slave that keeps no log. */
  readonly missing: readonly Finding[]
}

/** Asks both sides. */
export async function takeoverStatus(
  master: Session,
  slave: ClientConfig,
  options: CommonOptions,
): Promise<TakeoverStatus> {
  await using session = await openSession(slave, 'slave', options)
  const { keepsLog } = await inTransaction(session, () => requireRole(session, 'slave'))
  if (!keepsLog) return { keepsLog, ready: false, missing: [] }
  const missing = await inTransaction(master, () => inTransaction(session, () => missingForTakeover(master, session)))
  return { keepsLog, ready: missing.length === 0, missing }
}
