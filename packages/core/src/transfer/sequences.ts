import { COLUMN_SEQUENCES } from '../database/column-sequences.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteName } from '../shared/names.ts'
import type { SequenceValue } from './transfer.ts'

/** A sequence of the master that slaves keep up with. */
export interface SourceSequence {
  readonly sequence: QualifiedName
  /** The captured table and its column that use it; null for one that was registered by its own name. */
  readonly use: { readonly tableId: number; readonly table: QualifiedName; readonly column: string } | null
  /** Last value that was handed out, decimal text; null: none was, or the role may not see it. */
  readonly last: string | null
}

const USED = `select u.seqid, json_build_object('tableId', r.table_id,
    'table', json_build_object('schema', r.schema_name, 'name', r.table_name), 'column', a.attname) as use
  from rserv.replicated_table r join (${COLUMN_SEQUENCES}) u on u.relid = r.table_oid
  join pg_attribute a on a.attrelid = u.relid and a.attnum = u.attnum
  where r.table_id = any ($1::integer[])`

const REGISTERED = `select s.oid as seqid, null::json as use
  from rserv.replicated_sequence r join pg_namespace n on n.nspname = r.schema_name
  join pg_class s on s.relnamespace = n.oid and s.relname = r.sequence_name and s.relkind = 'S'`

/** @param those SQL of a query for `seqid` and `use` */
function listStatement(those: string): string {
  return `select coalesce(json_agg(json_build_object('sequence', json_build_object('schema', n.nspname, 'name', s.relname),
      'use', those.use, 'last', case when has_sequence_privilege(s.oid, 'USAGE, SELECT') then pg_sequence_last_value(s.oid)::text end)), '[]')
    from (${those}) those join pg_class s on s.oid = those.seqid join pg_namespace n on n.oid = s.relnamespace`
}

/** Sequences used by columns of captured tables: owned by them (serial, identity), or in their defaults. */
export function listUsedSequences(session: Session, tableIds: readonly number[]): Promise<SourceSequence[]> {
  return session.json<SourceSequence[]>(listStatement(USED), [`{${tableIds.join(',')}}`])
}

/** Sequences that were registered by name and are there. */
export function listRegisteredSequences(session: Session): Promise<SourceSequence[]> {
  return session.json<SourceSequence[]>(listStatement(REGISTERED))
}

const ALL = listStatement(`${USED} union all ${REGISTERED}`)

/**
 * A text, `sequences`, that is the same for as long as the sequences of `readSequences` and their values are. Of all of the
 * database: to find out which of them are used takes longer than a look too many.
 */
export const SEQUENCES_NOW = `select coalesce(string_agg(q.seqrelid || ':' || coalesce(case when has_sequence_privilege(q.seqrelid, 'USAGE, SELECT')
    then pg_sequence_last_value(q.seqrelid) end::text, ''), ' ' order by q.seqrelid), '') as sequences
  from pg_sequence q join pg_class s on s.oid = q.seqrelid where s.relnamespace <> 'rserv'::regnamespace`

/**
 * Values of all sequences that slaves keep up with: those of the tables, and the registered ones. Read after the
 * snapshot, so never behind the rows: sequences are not transactional.
 * @param exact ids of tables that changed: their sequences are read also where no value was handed out yet
 */
export async function readSequences(
  session: Session,
  { tableIds, exact }: { tableIds: readonly number[]; exact: ReadonlySet<number> },
): Promise<SequenceValue[]> {
  const all = await session.json<SourceSequence[]>(ALL, [`{${tableIds.join(',')}}`])
  const unseen = all.filter(({ last, use }) => last === null && (use === null || exact.has(use.tableId)))
  const states = unseen.length === 0 ? [] : await session.batch(unseen.map(({ sequence }) => stateOf(sequence)))
  return all.flatMap((source) => {
    const row = states[unseen.indexOf(source)]?.[0]
    const lastValue = source.last ?? row?.['last_value']
    return lastValue
      ? [toValue(source, { lastValue, isCalled: source.last !== null || row?.['is_called'] === 't' })]
      : []
  })
}

/** The statement that reads a sequence: `last_value`, `is_called`. */
export function stateOf(sequence: QualifiedName): string {
  return `select last_value, is_called from ${quoteName(sequence)}`
}

function toValue(
  { sequence, use }: SourceSequence,
  state: Pick<SequenceValue, 'lastValue' | 'isCalled'>,
): SequenceValue {
  return { sequence, table: use?.table ?? null, column: use?.column ?? null, ...state }
}
