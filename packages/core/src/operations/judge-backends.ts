import type { ClientConfig } from 'pg'
import type { TriggerBackend, Verdict } from '../capture/contract.ts'
import { serverFacts } from '../capture/install.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'

export interface JudgedBackend {
  readonly name: string
  readonly verdict: Verdict
}

/**
 * Which backends a server can host, and why not.
 * @throws RservError CONNECT
 */
export async function judgeBackends(
  master: ClientConfig,
  backends: readonly TriggerBackend[],
  options: CommonOptions = {},
): Promise<JudgedBackend[]> {
  await using session = await openSession(master, 'master', options)
  const facts = await inTransaction(session, () => serverFacts(session))
  return backends.map((backend) => ({ name: backend.name, verdict: backend.canHost(facts) }))
}
