import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { quoteName } from '../shared/names.ts'
import type { TableResult } from './results.ts'

/** Rows from which on a copied table is worth it. */
const FROM_ROWS = 1000
/** Milliseconds to wait for somebody who vacuums or alters the table. */
const LOCK_TIMEOUT_MS = 1000

/**
 * Statistics for the tables that a transfer copied: until autovacuum comes by, queries there would be planned as for an empty
 * table (case 150). After the commit, as well as it can be done: a role that does not own the table gets a warning of the server.
 */
export async function analyzeCopied(slave: Session, tables: readonly TableResult[]): Promise<void> {
  for (const { table, mode, written } of tables) {
    if (mode !== 'copy' || written < FROM_ROWS) continue
    const work = (): Promise<unknown> => slave.run(`analyze ${quoteName(table)}`)
    await inTransaction(slave, work, { lockTimeoutMs: LOCK_TIMEOUT_MS }).catch(() => undefined)
  }
}
