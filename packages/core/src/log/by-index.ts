import type { Session } from '../database/session.ts'

/**
 * Keeps the planner from reading a log as a whole: without statistics, or with stale ones, it thinks nothing of its index.
 * Inside a transaction.
 */
export const LOGS_BY_INDEX = 'set local enable_seqscan = off'

const PLAN_SCANS = 'set local enable_seqscan = default'

/** Runs statements that read logs, and no large table beside them. Inside a transaction. */
export async function byIndex<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.run(LOGS_BY_INDEX)
  const result = await work()
  await session.run(PLAN_SCANS)
  return result
}
