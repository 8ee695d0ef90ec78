import type { Session } from '../database/session.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import { quoteName } from '../shared/names.ts'
import { keysMatch, onlyTable, stageColumn } from './stage.ts'
import type { TargetTable } from './target-table.ts'

/** The log that a slave keeps of a table itself. */
export interface KeptLog {
  readonly tableId: number
  /** In the order of the log's columns. */
  readonly keyColumns: readonly string[]
}

/** Null where the slave keeps none. */
export async function findKeptLog(session: Session, oid: string): Promise<KeptLog | null> {
  return session.json<KeptLog | null>(
    `select json_build_object('tableId', table_id, 'keyColumns', key_columns) from rserv.replicated_table where table_oid = $1`,
    [oid],
  )
}

/**
 * The statement that logs those keys of a stage `s` that have no row on the slave: no trigger sees them, but the origin had a row
 * of them meanwhile, and another slave may have it still. Null where no log is kept.
 * @param from the stage, with its alias `s`
 * @param condition on `s`
 */
export function logAbsentKeys(target: TargetTable, from: string, condition = 'true'): string | null {
  if (!target.kept) return null
  const { tableId, keyColumns } = target.kept
  const staged = keyColumns.map(
    (name) => `s.${stageColumn(target.columns.findIndex((column) => column.name === name))}`,
  )
  return `insert into ${quoteName(logTable(tableId))} (xid, ${keyColumns.map((_, index) => logColumn(index)).join(', ')})
    select pg_catalog.txid_current(), ${staged.join(', ')} from ${from}
    where ${condition} and not exists (select from ${onlyTable(target)} t where ${keysMatch(target)})`
}

/** A copy says nothing of which keys changed. */
export async function logCopy(session: Session, { kept }: TargetTable): Promise<void> {
  if (kept) await session.query('select rserv.unknown_key($1)', [kept.tableId])
}
