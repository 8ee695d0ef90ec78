import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'

/** Something of a table that pg_dump writes, and that may have to be left out on the slave. */
export interface Attached {
  readonly kind: 'foreign key' | 'trigger' | 'policy'
  readonly catalogOid: number
  readonly oid: number
  readonly table: QualifiedName
  readonly name: string
  /** What it needs: a table, or a function as `schema.name(types)`; null: nothing. */
  readonly needs: { readonly table?: QualifiedName; readonly function?: string } | null
  /** Is it rserv's own? */
  readonly own: boolean
}

const NAME = `json_build_object('schema', n.nspname, 'name', c.relname)`

const ATTACHED = `select coalesce(json_agg(a), '[]') from (
  select 'foreign key' as kind, 'pg_constraint'::regclass::oid::bigint as "catalogOid", f.oid::bigint as oid, ${NAME} as "table",
      f.conname as name, json_build_object('table', json_build_object('schema', rn.nspname, 'name', r.relname)) as needs, false as own
    from pg_constraint f join pg_class c on c.oid = f.conrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_class r on r.oid = f.confrelid join pg_namespace rn on rn.oid = r.relnamespace
    where f.contype = 'f' and f.conrelid = any ($1::oid[])
  union all
  select 'trigger', 'pg_trigger'::regclass::oid::bigint, t.oid::bigint, ${NAME}, t.tgname,
      json_build_object('function', t.tgfoid::regprocedure::text), pn.nspname = 'rserv'
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
    where not t.tgisinternal and t.tgrelid = any ($1::oid[])
  union all
  select 'policy', 'pg_policy'::regclass::oid::bigint, p.oid::bigint, ${NAME}, p.polname, null, false
    from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = c.relnamespace
    where p.polrelid = any ($1::oid[])) a`

/** Foreign keys, triggers and policies of tables. Inside a transaction on the master. */
export function listAttached(master: Session, oids: readonly string[]): Promise<Attached[]> {
  return master.json<Attached[]>(ATTACHED, [`{${oids.join(',')}}`])
}

/** A type that columns of the tables have, and that is not PostgreSQL's own. */
export interface NeededType {
  readonly type: QualifiedName
  /** Labels of an enumeration in their order; null: it is none, or an extension's. */
  readonly labels: readonly string[] | null
}

const TYPES = `select coalesce(json_agg(json_build_object('type', json_build_object('schema', n.nspname, 'name', t.typname),
    'labels', case when t.typtype = 'e' and not exists (select from pg_depend d where d.classid = 'pg_type'::regclass
        and d.objid = t.oid and d.deptype = 'e')
      then (select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) end)), '[]')
  from pg_type t join pg_namespace n on n.oid = t.typnamespace
  where n.nspname <> 'pg_catalog' and t.oid in (
    select case when e.typelem <> 0 and e.typcategory = 'A' then e.typelem else a.atttypid end
      from pg_attribute a join pg_type e on e.oid = a.atttypid
      where a.attrelid = any ($1::oid[]) and a.attnum > 0 and not a.attisdropped)`

/** Types that must be on the slave before the tables. Inside a transaction on the master. */
export function listTypes(master: Session, oids: readonly string[]): Promise<NeededType[]> {
  return master.json<NeededType[]>(TYPES, [`{${oids.join(',')}}`])
}
