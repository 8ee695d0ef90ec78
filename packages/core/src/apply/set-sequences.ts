import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'
import type { SequenceValue } from '../transfer/transfer.ts'

/** A sequence of the slave. */
export interface TargetSequence {
  readonly sequence: QualifiedName
  readonly ascending: boolean
}

const OWNED = `select json_build_object('sequence', json_build_object('schema', sn.nspname, 'name', s.relname),
    'ascending', q.seqincrement > 0)
  from pg_catalog.pg_depend d
  join pg_catalog.pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_catalog.pg_namespace sn on sn.oid = s.relnamespace
  join pg_catalog.pg_sequence q on q.seqrelid = s.oid
  join pg_catalog.pg_class t on t.oid = d.refobjid join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
  where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
    and d.deptype in ('a', 'i') and tn.nspname = $1 and t.relname = $2 and a.attname = $3`

/**
 * Moves the slave's sequences of the same columns forward to the master's values, never back: a value handed out once
 * must not be handed out again after a promotion (case 176). A column without a sequence on the slave needs none.
 */
export async function setSequences(session: Session, values: readonly SequenceValue[]): Promise<void> {
  for (const value of values) {
    const owned = await findTargetSequence(session, value)
    if (owned) await session.query(setSequence(owned, value))
  }
}

/** The slave's sequence of a column, or null where it has none. */
export function findTargetSequence(
  session: Session,
  { table, column }: Pick<SequenceValue, 'table' | 'column'>,
): Promise<TargetSequence | null> {
  return session.json<TargetSequence | null>(OWNED, [table.schema, table.name, column])
}

/** The statement that moves a sequence forward, never back. */
export function setSequence(
  { sequence, ascending }: TargetSequence,
  { lastValue, isCalled }: Pick<SequenceValue, 'lastValue' | 'isCalled'>,
): string {
  const value = `${quoteLiteral(lastValue)}::bigint`
  return `select pg_catalog.setval(${quoteLiteral(quoteName(sequence))}, ${value}, ${isCalled}) from ${quoteName(sequence)}
    where last_value ${ascending ? '<' : '>'} ${value} or (last_value = ${value} and ${isCalled} and not is_called)`
}
