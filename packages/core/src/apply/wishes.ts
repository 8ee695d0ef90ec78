import type { Session } from '../database/session.ts'
import { quoteIdent, quoteLiteral } from '../shared/names.ts'
import type { SectionWishes } from '../transfer/transfer.ts'
import { binaryFits } from './binary.ts'
import { onlyTable } from './stage.ts'
import type { TargetTable } from './target-table.ts'

/** What sections a slave would like that may set session_replication_role. */
export function wishesOf(session: Session, targets: ReadonlyMap<number, TargetTable>): SectionWishes {
  return {
    apart: true,
    binary: ({ tableId }) => binaryFits(targets.get(tableId)),
    // A log that is kept needs the changed keys, whatever rows they have.
    whole: ({ tableId }) => !targets.get(tableId)?.kept && hasNoOwnColumns(targets.get(tableId)),
    async holds({ tableId }, from) {
      const target = targets.get(tableId)
      return !target || target.kept !== null || (await holds(session, target, from))
    },
  }
}

/** A row that did not change must keep what the slave alone has of it. */
function hasNoOwnColumns(target: TargetTable | undefined): boolean {
  if (!target) return false
  const own = target.description.columns.filter(({ generated }) => !generated)
  return own.length === target.columns.length
}

async function holds(session: Session, target: TargetTable, from: string | null): Promise<boolean> {
  const [key] = target.key
  const type = target.columns.find(({ name }) => name === key?.name)?.baseType
  const beyond =
    from === null || !key || !type ? '' : ` where ${quoteIdent(key.name)} >= ${quoteLiteral(from)}::${type}`
  const row = await session.row(`select exists (select from ${onlyTable(target)}${beyond}) as held`)
  return row?.['held'] === 't'
}
