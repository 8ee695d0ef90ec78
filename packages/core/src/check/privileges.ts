import { COLUMN_SEQUENCES } from '../database/column-sequences.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

const NEEDED = {
  master: { table: ['SELECT'], sequence: ['SELECT'] },
  slave: { table: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'], sequence: ['SELECT', 'UPDATE'] },
} as const

/** Sequences used by columns of a table. */
const USED = `select coalesce(json_agg(json_build_object('schema', n.nspname, 'name', s.relname) order by s.oid), '[]')
  from pg_class s join pg_namespace n on n.oid = s.relnamespace
  where s.oid in (select u.seqid from (${COLUMN_SEQUENCES}) u where u.relid = $1::oid)`

/** What the role lacks on a table, its schema and its sequences. Inside a transaction. */
export async function checkTablePrivileges(session: Session, table: TableDescription): Promise<Finding[]> {
  const where = { session, table: { schema: table.schema, name: table.name } }
  const usage = await session.row(
    `select has_schema_privilege($1, 'usage') as usage, quote_ident(current_user) as role`,
    [table.schema],
  )
  const role = usage?.['role'] ?? ''
  if (usage?.['usage'] !== 't') {
    const fix = `GRANT USAGE ON SCHEMA ${quoteIdent(table.schema)} TO ${role};`
    return [finding('privilege', where, `the role lacks USAGE on schema ${table.schema}`, fix)]
  }
  const found: Finding[] = []
  const lacks = (missing: readonly string[], what: string): void => {
    if (missing.length === 0) return
    const list = missing.join(', ')
    found.push(finding('privilege', where, `the role lacks ${list} on ${what}`, `GRANT ${list} ON ${what} TO ${role};`))
  }
  const needed = NEEDED[session.side]
  lacks(await missing(session, 'table', table, needed.table), quoteName(table))
  for (const sequence of await session.json<QualifiedName[]>(USED, [table.oid])) {
    lacks(await missing(session, 'sequence', sequence, needed.sequence), `SEQUENCE ${quoteName(sequence)}`)
  }
  return found
}

async function missing(
  session: Session,
  kind: 'table' | 'sequence',
  object: QualifiedName,
  needed: readonly string[],
): Promise<string[]> {
  const rows = await session.query(
    `select privilege from unnest($2::text[]) with ordinality p (privilege, place)
      where not has_${kind}_privilege($1, privilege) order by place`,
    [quoteName(object), needed],
  )
  return rows.map((row) => row['privilege'] ?? '')
}

/** A transfer stages rows in temporary tables. */
export async function checkTemporary(session: Session): Promise<Finding[]> {
  const row = await session.row(
    `select has_database_privilege(current_database(), 'temporary') as temporary, quote_ident(current_user) as role`,
  )
  if (row?.['temporary'] === 't') return []
  const fix = `GRANT TEMPORARY ON DATABASE ${quoteIdent(session.database)} TO ${row?.['role']};`
  return [finding('privilege', { session }, 'the role lacks TEMPORARY on the database', fix)]
}

/** The logs and the bookkeeping belong to who set rserv up. */
export async function checkLogPrivileges(session: Session): Promise<Finding[]> {
  const row = await session.row(
    `select string_agg(c.relname, ', ' order by c.relname) as tables from pg_class c
      where c.relnamespace = to_regnamespace('rserv') and c.relkind in ('r', 'S') and not has_table_privilege(c.oid, 'select')`,
  )
  if (row?.['tables'] == null) return []
  const text = `the role may not read ${row['tables']} in schema rserv`
  return [finding('privilege', { session }, text, 'Connect as the role that set rserv up.')]
}
