import type { TypeKind } from '../shared/type-kind.ts'
import type { QualifiedName } from '../shared/names.ts'
import { partitionTree } from './partition-tree.ts'
import type { Session } from './session.ts'

export interface Column {
  readonly name: string
  /** Attribute number. */
  readonly number: number
  /** SQL text of the type, schema-qualified, with its modifier. */
  readonly type: string
  /** The same with domains resolved to the type below them. */
  readonly baseType: string
  readonly baseKind: TypeKind
  /** Collation where it is not the database's default. */
  readonly collation: QualifiedName | null
  readonly notNull: boolean
  /** Generated columns are computed by each side. */
  readonly generated: boolean
  /** A default or an identity fills it where no value is given. */
  readonly hasDefault: boolean
  /** GENERATED ALWAYS AS IDENTITY: can be inserted, never updated. */
  readonly identityAlways: boolean
}

export interface UniqueIndex {
  readonly name: string
  readonly primary: boolean
  /** Key columns in index order. */
  readonly columns: readonly IndexColumn[]
}

interface IndexColumn {
  readonly name: string
  /** The index's own equality operator. */
  readonly equality: QualifiedName
}

/** What the catalog says of a table. */
export interface TableDescription extends QualifiedName {
  readonly oid: string
  /** pg_class.relkind */
  readonly kind: string
  /** pg_class.relpersistence */
  readonly persistence: string
  readonly isPartition: boolean
  /** A child of old-style inheritance: statements that name its parent change its rows. */
  readonly inherits: boolean
  /** A BEFORE trigger for rows may change what an UPDATE does not name. */
  readonly beforeUpdate: boolean
  /** A trigger of its capture fires only where an UPDATE names certain columns. */
  readonly namedUpdates: boolean
  /** Row-level security applies to the connected role. */
  readonly rowSecurity: boolean
  readonly columns: readonly Column[]
  /** Unique indexes that could serve as a key, but for NOT NULL. */
  readonly uniqueIndexes: readonly UniqueIndex[]
  /** All partitions below, intermediate ones too. */
  readonly partitions: readonly (QualifiedName & { readonly oid: string })[]
  /** Planner's row estimate; -1 unknown. */
  readonly estimatedRows: number
  readonly fingerprint: Fingerprint
}

/** What DDL leaves behind when it changes rows without a trigger being fired. */
export interface Fingerprint {
  /** File of the table and of each partition, by OID: another one after everything that rewrites rows. */
  readonly files: Readonly<Record<string, string>>
  /** Versions of the columns' catalog entries: VACUUM FULL leaves them alone, DDL does not. */
  readonly columns: string
  /** Version of the table's own catalog entry: another one after most DDL. */
  readonly entry: string
  /** Columns whose value in older rows is a default that was added without rewriting these. */
  readonly filled: readonly string[]
}

/** A column's type with domains resolved: `b.typ`, `b.typmod`. */
const BASE_TYPE = `with recursive base (typ, typmod, level) as (
    select a.atttypid, a.atttypmod, 0
    union all
    select t.typbasetype, case when b.typmod = -1 then t.typtypmod else b.typmod end, b.level + 1
    from base b join pg_type t on t.oid = b.typ where t.typtype = 'd')
  select typ, typmod from base order by level desc limit 1`

const COLUMNS = `select coalesce(json_agg(json_build_object(
    'name', a.attname, 'number', a.attnum, 'notNull', a.attnotnull, 'generated', a.attgenerated <> '',
    'identityAlways', a.attidentity = 'a', 'hasDefault', a.atthasdef or a.attidentity <> '',
    'type', format_type(a.atttypid, a.atttypmod), 'baseType', format_type(b.typ, b.typmod),
    'baseKind', case when bt.typcategory = 'A' then 'array' else case bt.typtype
      when 'e' then 'enum' when 'c' then 'composite' when 'r' then 'range' when 'm' then 'multirange' else 'base' end end,
    'collation', (select json_build_object('schema', cn.nspname, 'name', co.collname)
      from pg_collation co join pg_namespace cn on cn.oid = co.collnamespace
      where co.oid = a.attcollation and co.collname <> 'default'))
  order by a.attnum), '[]')
  from pg_attribute a cross join lateral (${BASE_TYPE}) b join pg_type bt on bt.oid = b.typ
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`

const INDEX_COLUMNS = `select json_agg(json_build_object('name', a.attname,
    'equality', (select json_build_object('schema', opn.nspname, 'name', op.oprname)
      from pg_opclass oc
      join pg_amop ao on ao.amopfamily = oc.opcfamily and ao.amopstrategy = 3
        and ao.amoplefttype = oc.opcintype and ao.amoprighttype = oc.opcintype
      join pg_operator op on op.oid = ao.amopopr join pg_namespace opn on opn.oid = op.oprnamespace
      where oc.oid = i.indclass[k.position - 1])) order by k.position)
  from unnest(i.indkey::int2[]) with ordinality as k (number, position)
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
  where k.position <= i.indnkeyatts`

const UNIQUE_INDEXES = `select coalesce(json_agg(json_build_object(
    'name', ic.relname, 'primary', i.indisprimary, 'columns', (${INDEX_COLUMNS})) order by i.indisprimary desc, ic.relname), '[]')
  from pg_index i join pg_class ic on ic.oid = i.indexrelid join pg_am am on am.oid = ic.relam
  where i.indrelid = c.oid and i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
    and am.amname = 'btree'`

const PARTITIONS = `select coalesce(json_agg(json_build_object('oid', p.oid::text, 'schema', pn.nspname, 'name', p.relname)
    order by p.oid), '[]')
  from (${partitionTree('c.oid')}) tree join pg_class p on p.oid = tree.relid join pg_namespace pn on pn.oid = p.relnamespace
  where p.oid <> c.oid`

const FINGERPRINT = `select json_build_object('entry', c.xmin::text,
    'files', coalesce((select json_object_agg(f.oid::text, f.relfilenode::text) from pg_class f
      where f.relfilenode <> 0 and f.oid in (${partitionTree('c.oid')})), '{}'),
    'columns', (select coalesce(string_agg(a.attnum || ':' || a.xmin, ' ' order by a.attnum), '')
      from pg_attribute a where a.attrelid = c.oid and a.attnum > 0),
    'filled', (select coalesce(json_agg(distinct a.attname), '[]') from pg_attribute a
      where a.atthasmissing and not a.attisdropped and a.attrelid in (${partitionTree('c.oid')})))`

/** SQL: has the table of that OID a trigger that may change any column of an updated row? 19: BEFORE, UPDATE, ROW. */
export function hasBeforeUpdate(oid: string): string {
  return `exists (select from pg_trigger b where b.tgrelid = ${oid} and b.tgtype & 19::int2 = 19)`
}

/** SQL: has the table of that OID a capture that looks at what UPDATEs name? */
export function hasNamedUpdates(oid: string): string {
  return `exists (select from pg_trigger k join pg_proc f on f.oid = k.tgfoid join pg_namespace fn on fn.oid = f.pronamespace
    where k.tgrelid = ${oid} and array_length(k.tgattr::int2[], 1) > 0 and fn.nspname = 'rserv')`
}

const DESCRIBE = `select json_build_object('oid', c.oid::text, 'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
    'persistence', c.relpersistence, 'isPartition', c.relispartition,
    'inherits', not c.relispartition and exists (select from pg_inherits h where h.inhrelid = c.oid),
    'beforeUpdate', ${hasBeforeUpdate('c.oid')}, 'namedUpdates', ${hasNamedUpdates('c.oid')},
    'rowSecurity', row_security_active(c.oid), 'estimatedRows', c.reltuples,
    'columns', (${COLUMNS}), 'uniqueIndexes', (${UNIQUE_INDEXES}),
    'partitions', (${PARTITIONS}), 'fingerprint', (${FINGERPRINT}))
  from pg_class c join pg_namespace n on n.oid = c.relnamespace`

/** Describes the table, or returns null where there is none of that name. Inside a transaction. */
export async function describeTable(session: Session, table: QualifiedName): Promise<TableDescription | null> {
  return session.json<TableDescription | null>(
    `${DESCRIBE} where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')`,
    [table.schema, table.name],
  )
}
