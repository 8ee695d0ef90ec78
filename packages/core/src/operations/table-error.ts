import type { ErrorCode } from '../shared/errors.ts'
import { RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'

const CODES = new Set<ErrorCode>([
  'CAPTURE_BROKEN',
  'LOG_GAP',
  'NO_KEY',
  'NO_SUCH_COLUMN',
  'NO_SUCH_TABLE',
  'NOT_REPLICATED',
  'PRIVILEGE',
  'ROW_SECURITY',
  'ROWS_SWALLOWED',
  'TABLE_MISMATCH',
  'UNSUPPORTED_TABLE',
])

/** Classes of SQLSTATEs that are about rows and tables, and not about the server, the connection or other sessions. */
const CLASSES = /^(?:0A|21|22|23|27|2F|38|39|42|44|54|P0)/

/** An error that one table is the reason of, and that would be the same at the next attempt. */
export type TableError = RservError & { readonly table: QualifiedName }

export function isTableError(error: unknown): error is TableError {
  if (!(error instanceof RservError) || error.table === undefined) return false
  return CODES.has(error.code) || (error.code === 'SQL' && CLASSES.test(error.sqlState ?? ''))
}
