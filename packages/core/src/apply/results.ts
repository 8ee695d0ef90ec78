import type { QualifiedName } from '../shared/names.ts'

/** What a transfer did to one table. */
export interface TableResult {
  readonly table: QualifiedName
  readonly mode: 'copy' | 'changes'
  /** Rows written. */
  readonly written: number
  /** For changes: keys that have no row any more. For a copy: rows that were there before. */
  readonly deleted: number
  /** Bytes of row data received. */
  readonly bytes: number
}
