import type { Session } from '../database/session.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { QualifiedName } from '../shared/names.ts'
import type { TargetTable } from './target-table.ts'

export interface ForeignKey {
  readonly name: string
  readonly childOid: string
  readonly child: QualifiedName
  readonly parentOid: string
  readonly deferrable: boolean
  /** Deleting a parent row does something to its children at once: CASCADE, SET NULL, SET DEFAULT or RESTRICT. */
  readonly actsOnDelete: boolean
}

/** Foreign keys that start or end at the tables. */
export async function listForeignKeys(session: Session, targets: readonly TargetTable[]): Promise<ForeignKey[]> {
  return session.json<ForeignKey[]>(
    `select coalesce(json_agg(json_build_object('name', f.conname, 'childOid', f.conrelid::text,
        'child', json_build_object('schema', n.nspname, 'name', c.relname), 'parentOid', f.confrelid::text,
        'deferrable', f.condeferrable, 'actsOnDelete', f.confdeltype <> 'a')), '[]')
      from pg_catalog.pg_constraint f join pg_catalog.pg_class c on c.oid = f.conrelid
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where f.contype = 'f' and f.conparentid = 0 and (f.conrelid = any ($1::oid[]) or f.confrelid = any ($1::oid[]))`,
    [`{${targets.map((target) => target.description.oid).join(',')}}`],
  )
}

/** Orders tables so that parents come before children, as far as cycles allow. */
export function orderByForeignKeys<T extends { readonly target: TargetTable }>(
  stages: readonly T[],
  keys: readonly ForeignKey[],
): T[] {
  const ordered: T[] = []
  const waiting = [...stages]
  while (waiting.length > 0) {
    const open = new Set(waiting.map((stage) => stage.target.description.oid))
    const isFree = ({ target }: T): boolean =>
      !keys.some((k) => k.childOid === target.description.oid && k.parentOid !== k.childOid && open.has(k.parentOid))
    const free = waiting.findIndex(isFree)
    ordered.push(...waiting.splice(free === -1 ? 0 : free, 1))
  }
  return ordered
}

/**
 * Makes foreign keys deferred for the rest of the transaction. Needs ownership, and locks the tables for readers too.
 * @returns the statements that put them back
 */
export async function deferForeignKeys(session: Session, keys: readonly ForeignKey[]): Promise<string[]> {
  const undo: string[] = []
  for (const key of keys.filter((k) => !k.deferrable)) {
    const constraint = `alter table ${quoteName(key.child)} alter constraint ${quoteIdent(key.name)}`
    await session.run(`${constraint} deferrable initially deferred`)
    undo.push(`${constraint} not deferrable`)
  }
  return undo
}
