import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Fingerprint, TableDescription } from '../database/describe-table.ts'

/**
 * What happened to a captured table besides changes of rows, which triggers see.
 * - `rows`: rows may have come, gone or changed unseen: partitions attached or dropped (case 60), columns converted or
 *   added with values (cases 128, 129), keys changed by a trigger that the capture does not expect (case 64);
 * - `storage`: only files or catalog entries changed, as after VACUUM FULL (case 137).
 */
export type ContentChange = 'none' | 'storage' | 'rows'

/** Compares the table with what was recorded of it. */
export function contentChange(known: ReplicatedTable, now: TableDescription): ContentChange {
  const oids = now.partitions.map((partition) => partition.oid)
  const same = oids.length === known.partitionOids.length && oids.every((oid) => known.partitionOids.includes(oid))
  if (!same || keysEscape(now)) return 'rows'
  return known.fingerprint === null ? 'storage' : compare(known.fingerprint, now.fingerprint)
}

/** May keys change that no UPDATE names, where the capture goes by the names? */
export function keysEscape({ beforeUpdate, namedUpdates }: TableDescription): boolean {
  return beforeUpdate && namedUpdates
}

function compare(before: Fingerprint, now: Fingerprint): ContentChange {
  if (now.filled.some((column) => !before.filled.includes(column))) return 'rows'
  const rewritten = Object.entries(now.files).some(([oid, file]) => (before.files[oid] ?? file) !== file)
  const altered = before.columns !== now.columns
  if (rewritten && altered) return 'rows'
  return rewritten || altered || before.entry !== now.entry ? 'storage' : 'none'
}
