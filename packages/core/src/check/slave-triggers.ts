import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteIdent, quoteName } from '../shared/names.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

interface Reaction {
  readonly kind: 'trigger' | 'rule'
  readonly name: string
  readonly on: QualifiedName
  readonly mode: 'ALWAYS' | 'REPLICA'
}

const MODE = (column: string): string => `case ${column} when 'A' then 'ALWAYS' else 'REPLICA' end`

/** Those that fire although a transfer switches ordinary ones off. */
const REACTIONS = `select coalesce(json_agg(r), '[]') from (
  select 'trigger' as kind, t.tgname as name, ${MODE('t.tgenabled')} as mode,
      json_build_object('schema', n.nspname, 'name', c.relname) as "on"
    from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
    where t.tgrelid = any ($1::oid[]) and not t.tgisinternal and t.tgenabled in ('A', 'R') and pn.nspname <> 'rserv'
  union all
  select 'rule', r.rulename, ${MODE('r.ev_enabled')}, json_build_object('schema', n.nspname, 'name', c.relname)
    from pg_rewrite r join pg_class c on c.oid = r.ev_class join pg_namespace n on n.oid = c.relnamespace
    where r.ev_class = any ($1::oid[]) and r.ev_type <> '1' and r.ev_enabled in ('A', 'R')
  order by 1, 2) r`

/** Triggers and rules of the slave that could swallow or change rows as they arrive. Inside a transaction. */
export async function checkSlaveTriggers(session: Session, table: TableDescription): Promise<Finding[]> {
  const oids = [table.oid, ...table.partitions.map(({ oid }) => oid)]
  const reactions = await session.json<Reaction[]>(REACTIONS, [`{${oids.join(',')}}`])
  return reactions.map(({ kind, name, on, mode }) => {
    const text = `${kind} ${name} on ${displayName(on)} is ENABLE ${mode}: it runs for rows that arrive, and could swallow or change them`
    const fix = `ALTER TABLE ${quoteName(on)} ENABLE ${kind.toUpperCase()} ${quoteIdent(name)};`
    return finding('slave-trigger', { session, table: { schema: table.schema, name: table.name } }, text, fix)
  })
}
