import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import type { NamePart, QualifiedName } from '../shared/names.ts'
import { parseTablePattern } from '../shared/names.ts'

/**
 * Picks registered tables, or sequences, by names and patterns; they themselves may be gone. A name without schema
 * matches in every schema.
 * @throws RservError BAD_NAME, NOT_REPLICATED
 */
export function selectRegistered<T extends { readonly table: QualifiedName }>(
  registered: readonly T[],
  selection: { tables: readonly string[]; all?: boolean | undefined },
  { session, kind = 'table' }: { session: Session; kind?: 'table' | 'sequence' },
): T[] {
  if (selection.all) return [...registered]
  const selected = new Set<T>()
  for (const typed of selection.tables) {
    const pattern = parseTablePattern(typed)
    const matches = registered.filter(
      ({ table }) => fits(pattern.name, table.name) && (!pattern.schema || fits(pattern.schema, table.schema)),
    )
    if (matches.length === 0) throw notRegistered(typed, session, kind)
    for (const match of matches) selected.add(match)
  }
  return registered.filter((table) => selected.has(table))
}

function fits(part: NamePart, name: string): boolean {
  if (!part.wildcard) return part.text === name
  const source = part.text.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')
  return new RegExp(`^${source}$`, 's').test(name)
}

function notRegistered(typed: string, session: Session, kind: string): RservError {
  return new RservError('NOT_REPLICATED', `no ${kind} ${typed} is registered in database ${session.database}`, {
    side: session.side,
    hint: `rserv status shows what is; rserv ${session.side}-add-${kind} adds.`,
  })
}
