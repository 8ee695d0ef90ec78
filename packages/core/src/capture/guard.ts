import { GUARD_FUNCTION, needsRowTriggers } from './install.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { partitionTree } from '../database/partition-tree.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'

/** Names of the guard's triggers: on rows written, and on TRUNCATE. */
export const GUARD_TRIGGER = 'rserv_guard'
const TRUNCATES = 'rserv_guard_truncate'

/**
 * Statements that keep everybody but rserv from writing a table: SQLSTATE 25006. Transfers pass, since ordinary triggers
 * are off for them. They take the lock SHARE ROW EXCLUSIVE, which waits for those who write and keeps new ones waiting.
 */
export function guardStatements(description: TableDescription): string[] {
  const call = `execute function rserv.${GUARD_FUNCTION}()`
  const level = needsRowTriggers(description) ? 'row' : 'statement'
  return [
    `create or replace trigger ${GUARD_TRIGGER} before insert or update or delete on ${quoteName(description)} for each ${level} ${call}`,
    ...[description, ...description.partitions].map(
      (on) => `create or replace trigger ${TRUNCATES} before truncate on ${quoteName(on)} for each statement ${call}`,
    ),
  ]
}

/** Statements that let everybody write again. */
export function unguardStatements(description: TableDescription): string[] {
  return [
    `drop trigger if exists ${GUARD_TRIGGER} on ${quoteName(description)}`,
    ...[description, ...description.partitions].map((on) => `drop trigger if exists ${TRUNCATES} on ${quoteName(on)}`),
  ]
}

const ORDINARY = `select coalesce(json_agg(json_build_object('name', t.tgname,
    'table', json_build_object('schema', n.nspname, 'name', c.relname)) order by c.oid, t.oid), '[]')
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
  where t.tgrelid = any ($1::oid[]) and pn.nspname = 'rserv' and p.proname <> '${GUARD_FUNCTION}' and t.tgenabled = 'O'`

/**
 * Lets the capture of a table see what transfers write, too: its triggers become ENABLE ALWAYS, whatever backend made
 * them. Only the table's owner may do that.
 */
export async function captureAlways(session: Session, description: TableDescription): Promise<void> {
  const oids = [description.oid, ...description.partitions.map(({ oid }) => oid)]
  const triggers = await session.json<{ name: string; table: QualifiedName }[]>(ORDINARY, [`{${oids.join(',')}}`])
  for (const { name, table } of triggers) {
    await session.run(`alter table ${quoteName(table)} enable always trigger ${quoteIdent(name)}`)
  }
}

/** Captured tables that others can write. Inside a transaction. */
export async function findUnguarded(session: Session): Promise<QualifiedName[]> {
  return session.json<QualifiedName[]>(
    `select coalesce(json_agg(json_build_object('schema', r.schema_name, 'name', r.table_name) order by r.table_id), '[]')
      from rserv.replicated_table r where not exists (select from pg_trigger t
        where t.tgrelid = r.table_oid and t.tgname = '${GUARD_TRIGGER}' and t.tgenabled in ('O', 'A'))`,
  )
}

export interface GuardTrigger {
  readonly table: QualifiedName
  readonly name: string
  readonly enabled: boolean
}

/** The guard's triggers on tables and their partitions; those that partitions have from their root come with it. */
export async function guardTriggers(session: Session, roots: readonly string[]): Promise<GuardTrigger[]> {
  return session.json<GuardTrigger[]>(
    `select coalesce(json_agg(json_build_object('name', t.tgname, 'enabled', t.tgenabled in ('O', 'A'),
        'table', json_build_object('schema', n.nspname, 'name', c.relname)) order by t.tgparentid, c.oid), '[]')
      from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_class c on c.oid = t.tgrelid
      join pg_namespace n on n.oid = c.relnamespace
      where p.pronamespace = 'rserv'::regnamespace and p.proname = '${GUARD_FUNCTION}'
        and exists (select from unnest($1::oid[]) as root where t.tgrelid in (${partitionTree('root')}))`,
    [`{${roots.join(',')}}`],
  )
}
