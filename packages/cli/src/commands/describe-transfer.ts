import type { TransferResult } from '@rserv/core'
import { displayName } from '@rserv/core'
import type { Outcome } from '../command.ts'
import { count } from '../output.ts'

/** What replicate and apply-snapshot say. */
export function describeTransfer(result: TransferResult): Outcome {
  if (result.outcome === 'in-sync') {
    return { json: result, text: `Sync-ed: slave ${result.server} has all changes (SyncID ${result.syncId ?? 'none'})` }
  }
  if (result.outcome === 'already-applied') {
    return { json: result, text: `Sync-ed to ID ${result.syncId}: the snapshot brings nothing new` }
  }
  const lines = result.tables.map(({ table, mode, written, deleted }) =>
    mode === 'copy'
      ? `  ${displayName(table)}: ${count(written, 'row')} copied`
      : `  ${displayName(table)}: ${count(written, 'row')} written, ${deleted} deleted`,
  )
  const scripts = result.scripts.map((id) => `  script ${id} run`)
  const head = `Slave ${result.server} is at SyncID ${result.syncId} (${(result.elapsedMs / 1000).toFixed(2)} s)`
  return { json: result, text: [head, ...scripts, ...lines].join('\n') }
}
