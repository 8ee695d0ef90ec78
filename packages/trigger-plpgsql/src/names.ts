import type { CaptureTable, QualifiedName } from '@rserv/core'

/** What a function of the capture logs. */
export type Part =
  /** keys of new row versions: INSERT, and UPDATE where it is captured by rows */
  | 'new'
  /** keys of row versions that a statement UPDATE made */
  | 'update'
  /** keys of deleted rows */
  | 'old'
  /** former keys of rows whose key an UPDATE changed */
  | 'key'
  /** the table was truncated */
  | 'truncate'

export const PARTS: readonly Part[] = ['new', 'update', 'old', 'key', 'truncate']

export function functionName(table: CaptureTable, part: Part): QualifiedName {
  return { schema: 'rserv', name: `capture_${table.tableId}_${part}` }
}

/** Short by its number, so that PostgreSQL never cuts two long names to the same one (case 84). */
export function triggerName(table: CaptureTable, event: string): string {
  return `rserv_${table.tableId}_${event}`
}
