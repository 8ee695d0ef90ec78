import { COLUMN_SEQUENCES } from '../database/column-sequences.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'
import type { SequenceValue } from '../transfer/transfer.ts'

/** A sequence of the slave. */
export interface TargetSequence {
  readonly sequence: QualifiedName
  readonly ascending: boolean
}

type Wanted = Pick<SequenceValue, 'sequence' | 'table' | 'column'> & Partial<SequenceValue>

interface Found extends TargetSequence {
  /** Index in what was asked for. */
  readonly index: number
  /** It may have to be moved. */
  readonly behind: boolean
}

/**
 * For each wanted one the slave's sequence: that of the same column, first by the same name, then its own; else the
 * sequence of that name.
 */
const TARGETS = `with wanted as (
    select w.index, t.oid as relid, a.attnum, w.schema, w.name, w.last
    from json_to_recordset($1) as w (index integer, schema text, name text, table_schema text, table_name text, column_name text, last bigint)
    left join pg_catalog.pg_namespace tn on tn.nspname = w.table_schema
    left join pg_catalog.pg_class t on t.relnamespace = tn.oid and t.relname = w.table_name
    left join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attname = w.column_name and not a.attisdropped),
  candidates as (
    select w.index, u.seqid, u.owned, true as used from wanted w join (${COLUMN_SEQUENCES}) u on u.relid = w.relid and u.attnum = w.attnum
    union all
    select w.index, s.oid, false, false from wanted w join pg_catalog.pg_namespace n on n.nspname = w.schema
      join pg_catalog.pg_class s on s.relnamespace = n.oid and s.relname = w.name and s.relkind = 'S'),
  chosen as (
    select distinct on (w.index) w.index, w.last, s.oid, n.nspname, s.relname, q.seqincrement > 0 as ascending
    from wanted w join candidates c using (index) join pg_catalog.pg_class s on s.oid = c.seqid
    join pg_catalog.pg_namespace n on n.oid = s.relnamespace join pg_catalog.pg_sequence q on q.seqrelid = s.oid
    order by w.index, c.used desc, (n.nspname = w.schema and s.relname = w.name) desc, c.owned desc, s.oid),
  placed as (
    select *, case when pg_catalog.has_sequence_privilege(oid, 'USAGE, SELECT') then pg_catalog.pg_sequence_last_value(oid) end as own
    from chosen)
  select coalesce(json_agg(json_build_object('index', index, 'sequence', json_build_object('schema', nspname, 'name', relname),
    'ascending', ascending, 'behind', coalesce(case when ascending then own < last else own > last end, true))), '[]') from placed`

async function findTargets(session: Session, wanted: readonly Wanted[]): Promise<Found[]> {
  if (wanted.length === 0) return []
  const asked = wanted.map(({ sequence, table, column, lastValue }, index) => ({
    index,
    schema: sequence?.schema,
    name: sequence?.name,
    table_schema: table?.schema,
    table_name: table?.name,
    column_name: column,
    last: lastValue,
  }))
  return session.json<Found[]>(TARGETS, [JSON.stringify(asked)])
}

/**
 * Moves the slave's sequences forward to the master's values, never back: a value handed out once must not be handed
 * out again after a promotion (case 176). A column without a sequence on the slave needs none.
 * @returns how many were moved
 */
export async function setSequences(session: Session, values: readonly SequenceValue[]): Promise<number> {
  await register(session, values)
  const found = await findTargets(session, values)
  const statements = found.flatMap(({ index, behind, ...target }) => {
    const value = values[index]
    return behind && value ? [setSequence(target, value)] : []
  })
  if (statements.length === 0) return 0
  const moved = await session.batch(statements)
  return moved.flat().length
}

/** A slave that may become the master one day, or feeds others, has what is registered by name registered itself. */
async function register(session: Session, values: readonly SequenceValue[]): Promise<void> {
  const byName = values.flatMap(({ sequence, table }) => (table === null && sequence ? [sequence] : []))
  if (byName.length === 0) return
  await session.run(
    `insert into rserv.replicated_sequence (schema_name, sequence_name)
      select w.schema, w.name from json_to_recordset($1) as w (schema text, name text), rserv.node n
      where n.keeps_log on conflict do nothing`,
    [JSON.stringify(byName)],
  )
}

/** The slave's sequence that keeps up with one of the master's, or null where it has none. */
export async function findTargetSequence(session: Session, wanted: Wanted): Promise<TargetSequence | null> {
  const [found] = await findTargets(session, [wanted])
  return found ? { sequence: found.sequence, ascending: found.ascending } : null
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
