import { partitionTree } from '../database/partition-tree.ts'
import type { Session } from '../database/session.ts'

/**
 * Columns that were added without rewriting rows, with the values that older rows have in them, each as the text of an
 * array: those of the table and of all its partitions.
 * @param table SQL of its name
 */
export function filledColumns(session: Session, table: string): Promise<Readonly<Record<string, readonly string[]>>> {
  return session.json<Record<string, string[]>>(
    `select coalesce(json_object_agg(attname, texts), '{}') from (
      select a.attname, json_agg(distinct a.attmissingval::text) as texts from pg_attribute a
      where a.attrelid in (${partitionTree('to_regclass($1)')}) and a.atthasmissing and not a.attisdropped group by 1) f`,
    [table],
  )
}
