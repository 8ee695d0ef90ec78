import type { Session } from '../database/session.ts'
import { quoteLiteral } from '../shared/names.ts'
import { releaseJoined } from './copies.ts'

export type ConfirmOutcome = 'registered' | 'already-registered' | 'unknown'

export interface Confirmed {
  readonly outcome: ConfirmOutcome
  /** Name of the slave that the sync id was prepared for; null when unknown. */
  readonly server: string | null
}

/**
 * Records on the master that a slave has applied a sync id. An older or unknown one changes nothing. Commit is
 * the caller's.
 */
export async function confirmSync(session: Session, syncId: string): Promise<Confirmed> {
  const sync = await session.row(
    `select s.server_id, v.name, coalesce(v.sync_id >= s.sync_id, false) as already
      from rserv.sync s join rserv.server v using (server_id) where s.sync_id = $1 for no key update of v`,
    [syncId],
  )
  if (!sync) return { outcome: 'unknown', server: null }
  const server = sync['name'] ?? null
  if (sync['already'] === 't') return { outcome: 'already-registered', server }
  await session.run(
    `update rserv.server v set sync_id = s.sync_id, position = s.position, table_ids = s.table_ids,
        confirmed_at = pg_catalog.clock_timestamp(), confirmed_xid = pg_catalog.pg_current_xact_id(), ddl_id = greatest(v.ddl_id, s.ddl_id)
      from rserv.sync s where s.sync_id = $1 and v.server_id = s.server_id`,
    [syncId],
  )
  await releaseJoined(session, syncId)
  return { outcome: 'registered', server }
}

/** Milliseconds that a confirmation may wait for whoever holds the slave's row (case 161). */
export const CONFIRM_TIMEOUT_MS = 2000

/** Statements that do the same in a transaction of their own, which need not be durable: the slave says it again. */
export function confirmStatements(syncId: string): string[] {
  return [
    'begin read write',
    'set local statement_timeout = 0',
    `set local lock_timeout = ${CONFIRM_TIMEOUT_MS}`,
    'set local synchronous_commit = off',
    `update rserv.server v set sync_id = s.sync_id, position = s.position, table_ids = s.table_ids,
        confirmed_at = pg_catalog.clock_timestamp(), confirmed_xid = pg_catalog.pg_current_xact_id(), ddl_id = greatest(v.ddl_id, s.ddl_id)
      from rserv.sync s where s.sync_id = ${quoteLiteral(syncId)}::bigint and v.server_id = s.server_id
        and not coalesce(v.sync_id >= s.sync_id, false)`,
    'commit',
  ]
}
