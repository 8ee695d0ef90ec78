import type { Position } from '../shared/position.ts'

/**
 * What a slave wants of a captured table.
 * - `copy`: all rows;
 * - otherwise the keys changed since `since`, or all keys of the log where it is null.
 */
export interface Wanted {
  readonly tableId: number
  readonly copy: boolean
  readonly since: Position | null
}

/** What a transfer does with a table. */
export type TransferMode = 'copy' | 'changes' | 'unchanged'
