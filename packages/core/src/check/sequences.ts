import { COLUMN_SEQUENCES } from '../database/column-sequences.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteLiteral, quoteName, sameName } from '../shared/names.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

interface Sequence {
  readonly column: string
  readonly sequence: QualifiedName
  readonly ascending: boolean
  /** Null where none was handed out, or the role may not see it. */
  readonly last: string | null
}

const LAST = `case when has_sequence_privilege(s.oid, 'select') then pg_sequence_last_value(s.oid)::text end`

const SEQUENCES = `select coalesce(json_agg(json_build_object('column', a.attname, 'ascending', q.seqincrement > 0,
    'sequence', json_build_object('schema', n.nspname, 'name', s.relname), 'last', ${LAST})
    order by a.attnum, u.owned desc, s.oid), '[]')
  from (${COLUMN_SEQUENCES}) u join pg_class s on s.oid = u.seqid join pg_namespace n on n.oid = s.relnamespace
  join pg_sequence q on q.seqrelid = s.oid join pg_attribute a on a.attrelid = u.relid and a.attnum = u.attnum
  where u.relid = $1::oid and has_sequence_privilege(s.oid, 'select')`

const REGISTERED = `select coalesce(json_agg(json_build_object('schema', schema_name, 'name', sequence_name)
    order by schema_name, sequence_name), '[]') from rserv.replicated_sequence`

const NAMED = `select json_build_object('column', '', 'ascending', q.seqincrement > 0,
    'sequence', json_build_object('schema', n.nspname, 'name', s.relname), 'last', ${LAST})
  from pg_class s join pg_namespace n on n.oid = s.relnamespace join pg_sequence q on q.seqrelid = s.oid
  where n.nspname = $1 and s.relname = $2`

/** Sequences that were registered by name. Inside a transaction on each side. */
export async function checkRegisteredSequences(master: Session, slave: Session): Promise<Finding[]> {
  const found: Finding[] = []
  for (const { schema, name } of await master.json<QualifiedName[]>(REGISTERED)) {
    const here = await master.json<Sequence | null>(NAMED, [schema, name])
    const own = await slave.json<Sequence | null>(NAMED, [schema, name])
    const text = displayName({ schema, name })
    if (!here) {
      const fix = `rserv master-remove-sequence ${shellWord(master.database)} ${shellWord(text)}`
      found.push(finding('sequence-missing', { session: master }, `sequence ${text} is registered and not there`, fix))
    } else if (!own) {
      const fix = `CREATE SEQUENCE ${quoteName({ schema, name })};`
      found.push(finding('sequence-missing', { session: slave }, `there is no sequence ${text} as on the master`, fix))
    } else found.push(...behind({ session: slave }, here, own))
  }
  return found
}

/** Sequences of columns. Inside a transaction on each side. */
export async function checkSequences(
  master: Session,
  slave: Session,
  { source, target }: { source: TableDescription; target: TableDescription },
): Promise<Finding[]> {
  const where = { session: slave, table: { schema: target.schema, name: target.name } }
  const here = await master.json<Sequence[]>(SEQUENCES, [source.oid])
  const there = await slave.json<Sequence[]>(SEQUENCES, [target.oid])
  return here.flatMap(({ column, last, ascending, sequence }) => {
    const candidates = there.filter((other) => other.column === column)
    const own = candidates.find((other) => sameName(other.sequence, sequence)) ?? candidates[0]
    if (!own) {
      const text = `column ${column} has the sequence ${displayName(sequence)} on the master and none that can be read here`
      return [finding('sequence-missing', where, text, 'Make one, OWNED BY the column, before the slave is promoted.')]
    }
    return behind(where, { column, last, ascending, sequence }, own)
  })
}

function behind(where: Parameters<typeof finding>[1], { last, ascending }: Sequence, own: Sequence): Finding[] {
  if (last === null || !isBehind(own.last, last, ascending)) return []
  const text = `sequence ${displayName(own.sequence)} is at ${own.last ?? 'its start'}, the master's at ${last}; the next transfer moves it`
  const fix = `SELECT setval(${quoteLiteral(quoteName(own.sequence)).trim()}, ${last});`
  return [finding('sequence-behind', where, text, fix)]
}

function isBehind(own: string | null, last: string, ascending: boolean): boolean {
  if (own === null) return true
  return ascending ? BigInt(own) < BigInt(last) : BigInt(own) > BigInt(last)
}
