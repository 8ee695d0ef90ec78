import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteName } from '../shared/names.ts'
import type { SequenceValue } from './transfer.ts'

export interface OwnedSequence {
  readonly sequence: QualifiedName
  readonly table: QualifiedName
  readonly column: string
}

const OWNED = `select coalesce(json_agg(json_build_object(
    'sequence', json_build_object('schema', sn.nspname, 'name', s.relname),
    'table', json_build_object('schema', tn.nspname, 'name', t.relname), 'column', a.attname)), '[]')
  from pg_depend d
  join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_namespace sn on sn.oid = s.relnamespace
  join pg_class t on t.oid = d.refobjid join pg_namespace tn on tn.oid = t.relnamespace
  join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    and t.oid = any ($1::oid[])`

/**
 * Values of the sequences owned by columns of the tables (serial, identity). Read after the snapshot, so never behind
 * the rows: sequences are not transactional.
 */
export async function readSequences(session: Session, tables: readonly ReplicatedTable[]): Promise<SequenceValue[]> {
  const owned = await listOwnedSequences(session, tables)
  const values: SequenceValue[] = []
  for (const { sequence, table, column } of owned) {
    const row = await session.row(`select last_value, is_called from ${quoteName(sequence)}`)
    if (!row) continue
    values.push({ table, column, lastValue: row['last_value'] ?? '1', isCalled: row['is_called'] === 't' })
  }
  return values
}

/** The sequences owned by columns of the tables. */
export function listOwnedSequences(session: Session, tables: readonly ReplicatedTable[]): Promise<OwnedSequence[]> {
  return session.json<OwnedSequence[]>(OWNED, [`{${tables.map((table) => table.oid).join(',')}}`])
}
