import type { SlaveTable } from '../apply/slave-tables.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteIdent, quoteName, sameName } from '../shared/names.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

interface Reference {
  readonly name: string
  readonly parent: QualifiedName
  readonly columns: readonly string[]
  readonly parentColumns: readonly string[]
}

const REFERENCES = `select coalesce(json_agg(json_build_object('name', f.conname,
    'parent', json_build_object('schema', n.nspname, 'name', p.relname),
    'columns', (select json_agg(a.attname order by k.n) from unnest(f.conkey) with ordinality k (number, n)
      join pg_attribute a on a.attrelid = f.conrelid and a.attnum = k.number),
    'parentColumns', (select json_agg(a.attname order by k.n) from unnest(f.confkey) with ordinality k (number, n)
      join pg_attribute a on a.attrelid = f.confrelid and a.attnum = k.number)) order by f.conname), '[]')
  from pg_constraint f join pg_class p on p.oid = f.confrelid join pg_namespace n on n.oid = p.relnamespace
  where f.contype = 'f' and f.conparentid = 0 and f.conrelid = $1::oid`

/**
 * Foreign keys of the slave to tables that are not replicated: transfers do not check them (case 140). The fix is a query
 * for the rows whose parent is missing. Inside a transaction.
 */
export async function checkForeignKeys(
  session: Session,
  table: TableDescription,
  registered: readonly SlaveTable[],
): Promise<Finding[]> {
  const references = await session.json<Reference[]>(REFERENCES, [table.oid])
  const outside = references.filter(({ parent }) => !registered.some((other) => sameName(other.table, parent)))
  return outside.map((reference) => {
    const text = `foreign key ${reference.name} points to ${displayName(reference.parent)}, which is not replicated: transfers do not check it, and rows that it needs may be missing here`
    return finding('foreign-key-outside', { session, table }, text, orphans(table, reference))
  })
}

function orphans(table: QualifiedName, { parent, columns, parentColumns }: Reference): string {
  const match = columns.map((column, index) => `p.${quoteIdent(parentColumns[index] ?? '')} = c.${quoteIdent(column)}`)
  const given = columns.map((column) => `c.${quoteIdent(column)} IS NOT NULL`)
  return (
    `SELECT * FROM ${quoteName(table)} c WHERE ${given.join(' AND ')} AND NOT EXISTS ` +
    `(SELECT FROM ${quoteName(parent)} p WHERE ${match.join(' AND ')});`
  )
}
