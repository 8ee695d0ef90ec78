import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { TargetTable } from './target-table.ts'

interface Reaction {
  readonly kind: 'trigger' | 'rule'
  readonly name: string
  readonly table: QualifiedName
  readonly always: boolean
}

const REACTIONS = `select coalesce(json_agg(r), '[]') from (
  select 'trigger' as kind, t.tgname as name, t.tgenabled = 'A' as always,
      json_build_object('schema', n.nspname, 'name', c.relname) as "table"
    from pg_catalog.pg_trigger t join pg_catalog.pg_class c on c.oid = t.tgrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_proc p on p.oid = t.tgfoid join pg_catalog.pg_namespace pn on pn.oid = p.pronamespace
    where t.tgrelid = any ($1::oid[]) and not t.tgisinternal and t.tgenabled in ('O', 'A') and pn.nspname <> 'rserv'
  union all
  select 'rule', r.rulename, r.ev_enabled = 'A', json_build_object('schema', n.nspname, 'name', c.relname)
    from pg_catalog.pg_rewrite r join pg_catalog.pg_class c on c.oid = r.ev_class
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where r.ev_class = any ($1::oid[]) and r.ev_type <> '1' and r.ev_enabled in ('O', 'A')) r`

/**
 * Switches the slave's own triggers and rules off until the end of the transaction, where
 * session_replication_role may not be set. Needs ownership of the tables that have any. Returns the statements that
 * put everything back as it was.
 */
export async function disableReactions(session: Session, targets: readonly TargetTable[]): Promise<string[]> {
  const oids = targets.flatMap(({ description }) => [description.oid, ...description.partitions.map((p) => p.oid)])
  const reactions = await session.json<Reaction[]>(REACTIONS, [`{${oids.join(',')}}`])
  const undo: string[] = []
  for (const { kind, name, table, always } of reactions) {
    await session.run(`alter table ${quoteName(table)} disable ${kind} ${quoteIdent(name)}`)
    undo.push(`alter table ${quoteName(table)} enable ${always ? 'always ' : ''}${kind} ${quoteIdent(name)}`)
  }
  return undo
}
