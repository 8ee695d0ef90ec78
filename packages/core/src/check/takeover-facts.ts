import { GUARD_TRIGGER } from '../capture/guard.ts'
import { GUARD_FUNCTION } from '../capture/install.ts'
import type { Session } from '../database/session.ts'

/** Something that belongs to a table, told apart by `key`, the same on both sides whatever its name is there. */
interface Thing {
  readonly key: string
  readonly name: string
  /** The statement that makes it. */
  readonly make: string
  /** Is it in force? */
  readonly on: boolean
}

/** What a table has beside rows, columns and key; what it must have too where it takes the other's place. */
export interface TakeoverFacts {
  readonly constraints: readonly Thing[]
  readonly indexes: readonly Thing[]
  readonly triggers: readonly Thing[]
  readonly defaults: readonly Thing[]
  readonly grants: readonly Thing[]
  /** Does its guard stand? */
  readonly guarded: boolean
  /** Are there capture triggers that do not see what transfers write? */
  readonly blind: boolean
}

const NAME = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`

/** A foreign key whose internal triggers are disabled is not in force. NOT NULL is a column's default here. */
const CONSTRAINTS = `select json_build_object('name', k.conname, 'key', pg_get_constraintdef(k.oid),
    'make', 'ALTER TABLE ' || ${NAME} || ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid) || ';',
    'on', k.convalidated and not exists (select from pg_trigger t where t.tgconstraint = k.oid and t.tgenabled = 'D'))
  from pg_constraint k where k.conrelid = c.oid and k.contype not in ('n', 't') and k.conparentid = 0`

const INDEXES = `select json_build_object('name', i.relname,
    'key', replace(replace(pg_get_indexdef(i.oid), ' INDEX ' || quote_ident(i.relname) || ' ON ', ' INDEX ON '), ' ON ONLY ', ' ON '),
    'make', pg_get_indexdef(i.oid) || ';', 'on', x.indisvalid)
  from pg_index x join pg_class i on i.oid = x.indexrelid
  where x.indrelid = c.oid and not exists (select from pg_constraint k where k.conindid = i.oid and k.conrelid = c.oid)`

const TRIGGERS = `select json_build_object('name', t.tgname, 'key', pg_get_triggerdef(t.oid), 'make', pg_get_triggerdef(t.oid) || ';',
    'on', t.tgenabled in ('O', 'A'))
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
  where t.tgrelid = c.oid and not t.tgisinternal and t.tgparentid = 0 and pn.nspname <> 'rserv'`

const DEFAULTS = `select json_build_object('name', a.attname, 'key', d.kind || ' ' || a.attname, 'on', true,
    'make', 'ALTER TABLE ' || ${NAME} || ' ALTER COLUMN ' || quote_ident(a.attname) || d.make || ';')
  from pg_attribute a cross join lateral (
    select 'not null' as kind, ' SET NOT NULL' as make where a.attnotnull
    union all select 'default', ' SET DEFAULT …' where (a.atthasdef or a.attidentity <> '') and a.attgenerated = '') d
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`

const GRANTS = `select json_build_object('name', g.grantee || ': ' || g.privilege_type, 'key', g.grantee || ' ' || g.privilege_type, 'on', true,
    'make', 'GRANT ' || g.privilege_type || ' ON ' || ${NAME} || ' TO ' || g.grantee || ';')
  from (select case when a.grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(a.grantee)) end as grantee, a.privilege_type
    from aclexplode(c.relacl) a where a.grantee <> c.relowner) g`

const CAPTURE = `from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
  where pn.nspname = 'rserv' and t.tgrelid in (select c.oid union select h.inhrelid from pg_inherits h where h.inhparent = c.oid)`

function list(things: string): string {
  return `coalesce((select json_agg(thing) from (${things}) as things (thing)), '[]')`
}

const FACTS = `select json_build_object('constraints', ${list(CONSTRAINTS)}, 'indexes', ${list(INDEXES)},
    'triggers', ${list(TRIGGERS)}, 'defaults', ${list(DEFAULTS)}, 'grants', ${list(GRANTS)},
    'guarded', exists (select ${CAPTURE} and t.tgname = '${GUARD_TRIGGER}' and t.tgrelid = c.oid and t.tgenabled in ('O', 'A')),
    'blind', exists (select ${CAPTURE} and p.proname <> '${GUARD_FUNCTION}' and t.tgenabled = 'O'))
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = $1::oid`

/** Of the table with that OID, whoever asks. Inside a transaction. */
export async function takeoverFacts(session: Session, oid: string): Promise<TakeoverFacts> {
  return session.json<TakeoverFacts>(FACTS, [oid])
}
