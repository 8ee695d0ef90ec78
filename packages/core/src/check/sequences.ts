import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteLiteral, quoteName } from '../shared/names.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

interface Sequence {
  readonly column: string
  readonly sequence: QualifiedName
  readonly ascending: boolean
  /** Null where none was handed out, or the role may not see it. */
  readonly last: string | null
}

const SEQUENCES = `select coalesce(json_agg(json_build_object('column', a.attname, 'ascending', q.seqincrement > 0,
    'sequence', json_build_object('schema', n.nspname, 'name', s.relname), 'last', pg_sequence_last_value(s.oid)::text)
    order by a.attnum), '[]')
  from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' join pg_namespace n on n.oid = s.relnamespace
  join pg_sequence q on q.seqrelid = s.oid
  join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
  where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
    and d.refobjid = $1::oid and has_sequence_privilege(s.oid, 'select')`

/** Sequences of columns: they follow with the rows of their tables. Inside a transaction on each side. */
export async function checkSequences(
  master: Session,
  slave: Session,
  { source, target }: { source: TableDescription; target: TableDescription },
): Promise<Finding[]> {
  const where = { session: slave, table: { schema: target.schema, name: target.name } }
  const here = await master.json<Sequence[]>(SEQUENCES, [source.oid])
  const there = await slave.json<Sequence[]>(SEQUENCES, [target.oid])
  return here.flatMap(({ column, last, ascending, sequence }) => {
    const own = there.find((other) => other.column === column)
    if (!own) {
      const text = `column ${column} has the sequence ${displayName(sequence)} on the master and none that can be read here`
      return [finding('sequence-missing', where, text, 'Make one, OWNED BY the column, before the slave is promoted.')]
    }
    if (last === null || !isBehind(own.last, last, ascending)) return []
    const text = `sequence ${displayName(own.sequence)} is at ${own.last ?? 'its start'}, the master's at ${last}; it follows with rows`
    const fix = `SELECT setval(${quoteLiteral(quoteName(own.sequence)).trim()}, ${last});`
    return [finding('sequence-behind', where, text, fix)]
  })
}

function isBehind(own: string | null, last: string, ascending: boolean): boolean {
  if (own === null) return true
  return ascending ? BigInt(own) < BigInt(last) : BigInt(own) > BigInt(last)
}
