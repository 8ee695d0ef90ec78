import { RservError } from '../shared/errors.ts'
import type { QualifiedName, TablePattern } from '../shared/names.ts'
import { likePattern, parseTablePattern, sameName } from '../shared/names.ts'
import type { Session } from './session.ts'
import { withOwnSearchPath } from './transaction.ts'

export interface TableSelection {
  /** Names and patterns as typed. */
  readonly tables: readonly string[]
  /** Every ordinary and partitioned table outside the system schemas. */
  readonly all?: boolean | undefined
}

const CANDIDATES = `select n.nspname as schema, c.relname as name from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where n.nspname <> 'rserv' and n.nspname <> 'information_schema' and n.nspname !~ '^pg_'`

/**
 * Finds the tables that the user named, in the order named, each once. Inside a transaction.
 * A name without schema is looked up along the role's search_path; a pattern matches ordinary and partitioned
 * tables (partitions come with their root).
 * @throws RservError BAD_NAME, NO_SUCH_TABLE
 */
export async function findTables(session: Session, selection: TableSelection): Promise<QualifiedName[]> {
  const found: QualifiedName[] = []
  const patterns = selection.tables.map(parseTablePattern)
  if (selection.all) patterns.push(parseTablePattern('*.*'))
  for (const [index, pattern] of patterns.entries()) {
    const matches = await match(session, pattern)
    if (matches.length === 0) throw noSuchTable(session, selection.tables[index] ?? 'of any name')
    found.push(...matches)
  }
  const seen = new Set<string>()
  return found.filter((table) => {
    const key = JSON.stringify([table.schema, table.name])
    return seen.has(key) ? false : seen.add(key)
  })
}

/**
 * Finds sequences by names and patterns in the same way.
 * @throws RservError BAD_NAME, NO_SUCH_SEQUENCE
 */
export async function findSequences(session: Session, typed: readonly string[]): Promise<QualifiedName[]> {
  const found: QualifiedName[] = []
  for (const one of typed) {
    const matches = await matchKinds(session, parseTablePattern(one), `c.relkind = 'S'`)
    if (matches.length === 0) throw noSuchSequence(session, one)
    found.push(...matches.filter((name) => !found.some((other) => sameName(other, name))))
  }
  return found
}

async function match(session: Session, pattern: TablePattern): Promise<QualifiedName[]> {
  const isPattern = pattern.name.wildcard || (pattern.schema?.wildcard ?? false)
  const kinds = isPattern ? `c.relkind in ('r', 'p') and not c.relispartition` : `c.relkind in ('r','p','v','m','f')`
  return matchKinds(session, pattern, kinds)
}

async function matchKinds(session: Session, pattern: TablePattern, kinds: string): Promise<QualifiedName[]> {
  const conditions = [kinds]
  const parameters = [likePattern(pattern.name)]
  conditions.push('c.relname like $1')
  if (pattern.schema) {
    conditions.push('n.nspname like $2')
    parameters.push(likePattern(pattern.schema))
  } else conditions.push('pg_catalog.pg_table_is_visible(c.oid)')
  const sql = `${isExactSystem(pattern) ? CANDIDATES_WITH_SYSTEM : CANDIDATES} and ${conditions.join(' and ')} order by 1, 2`
  const rows = await withOwnSearchPath(session, () => session.query(sql, parameters))
  return rows.map((row) => ({ schema: row['schema'] ?? '', name: row['name'] ?? '' }))
}

/** System tables are found when named outright, so that they are refused for what they are. */
const CANDIDATES_WITH_SYSTEM = `select n.nspname as schema, c.relname as name from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace where true`

function isExactSystem(pattern: TablePattern): boolean {
  return pattern.schema !== null && !pattern.schema.wildcard && !pattern.name.wildcard
}

function noSuchTable(session: Session, typed: string): RservError {
  return new RservError('NO_SUCH_TABLE', `no table ${typed} in database ${session.database}`, {
    side: session.side,
    hint: 'Capitals and odd characters need double quotes, as in SQL; a table outside the search_path needs its schema.',
  })
}

function noSuchSequence(session: Session, typed: string): RservError {
  return new RservError('NO_SUCH_SEQUENCE', `no sequence ${typed} in database ${session.database}`, {
    side: session.side,
    hint: 'Capitals and odd characters need double quotes, as in SQL; a sequence outside the search_path needs its schema.',
  })
}
