import type { Row, Session } from '../database/session.ts'

/**
 * Keeps the planner from reading a log as a whole: without statistics, or with stale ones, it thinks nothing of its index.
 * Inside a transaction.
 */
export const LOGS_BY_INDEX = 'set local enable_seqscan = off'

/** The rows of a statement that reads logs, and no large table beside them. In one message, inside a transaction. */
export async function byIndex(session: Session, statement: string): Promise<Row[]> {
  const answers = await session.batch([LOGS_BY_INDEX, statement, 'set local enable_seqscan = default'])
  return answers[1] ?? []
}
