import type { CommonOptions } from '../shared/events.ts'
import type { TransferSection } from '../transfer/transfer.ts'
import { TableProgress } from './table-progress.ts'

/** Milliseconds from which on a copy is told of, and between two events. */
const EVERY_MS = 1000

/**
 * Has the rows held back by `flow`, and tells how far the copy of a table inside a transfer is, while it takes long: bytes only, for nobody counts the rows.
 * @param work gets the section to be read
 */
export async function watchCopy<Result>(
  read: TransferSection,
  { onEvent, flow }: Pick<CommonOptions, 'onEvent'> & Pick<TransferSection, 'flow'>,
  work: (section: TransferSection) => Promise<Result>,
): Promise<Result> {
  const section = { ...read, flow }
  if (section.size === undefined) return work(section)
  const progress = new TableProgress(section.table.table, section.size, onEvent)
  progress.begun()
  let next = performance.now() + EVERY_MS
  const onBytes = (bytes: number): void => {
    progress.arrived(bytes)
    if (performance.now() < next) return
    next = performance.now() + EVERY_MS
    progress.tell()
  }
  try {
    const result = await work({ ...section, onBytes })
    if (progress.told) progress.ended('copied', section.rowCount())
    return result
  } catch (error) {
    if (progress.told) progress.ended('failed', 0)
    throw error
  }
}
