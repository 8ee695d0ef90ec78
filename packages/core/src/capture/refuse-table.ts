import type { TableDescription } from '../database/describe-table.ts'
import type { Side } from '../shared/errors.ts'
import { RservError } from '../shared/errors.ts'
import { displayName } from '../shared/names.ts'

const KINDS: Record<string, string> = {
  v: 'a view',
  m: 'a materialised view',
  f: 'a foreign table',
  S: 'a sequence',
}

/**
 * Refuses what cannot be replicated, with the reason (cases 77, 79, 121).
 * @throws RservError UNSUPPORTED_TABLE, ROW_SECURITY
 */
export function refuseUnsupported(table: TableDescription, side: Side): void {
  const reason = unsupported(table)
  if (reason) {
    throw new RservError('UNSUPPORTED_TABLE', `${displayName(table)} cannot be replicated: ${reason[0]}`, {
      side,
      hint: reason[1],
    })
  }
  if (table.rowSecurity) {
    throw new RservError('ROW_SECURITY', `row-level security of ${displayName(table)} would hide rows from this role`, {
      side,
      hint: 'Use a role with BYPASSRLS, or the owner of a table without FORCE ROW LEVEL SECURITY.',
    })
  }
}

function unsupported(table: TableDescription): readonly [string, string] | null {
  const kind = KINDS[table.kind]
  if (kind) return [`it is ${kind}`, 'Replicate the tables that hold its rows.']
  if (table.schema === 'rserv' || table.schema === 'information_schema' || table.schema.startsWith('pg_')) {
    return ['it is a system or temporary table', 'Only permanent tables of the application can be replicated.']
  }
  if (table.persistence === 'u') return ['it is unlogged: a crash empties it unseen', 'ALTER TABLE … SET LOGGED first.']
  if (table.persistence === 't') return ['it is temporary', 'Only permanent tables can be replicated.']
  if (table.isPartition) return ['it is a partition', 'Replicate the partitioned table; its partitions come with it.']
  return null
}
