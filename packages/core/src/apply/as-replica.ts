import type { Session } from '../database/session.ts'
import { quoteName } from '../shared/names.ts'
import type { TransferSection } from '../transfer/transfer.ts'
import type { TableResult } from './results.ts'
import { columnLists, keysMatch, loadSection, onlyTable, stageSection, swallowed } from './stage.ts'
import type { TargetTable } from './target-table.ts'

/**
 * Applies one section with session_replication_role = replica: foreign keys, ordinary triggers and rules are off, so
 * all changed keys are deleted and then inserted, which settles exchanged unique values too (cases 7 to 13).
 */
export async function applyAsReplica(
  session: Session,
  target: TargetTable,
  section: TransferSection,
  number: number,
): Promise<TableResult> {
  return section.table.mode === 'copy'
    ? copyTable(session, target, section)
    : applyChanges(session, target, section, number)
}

/** DELETE, not TRUNCATE: readers on the slave must not see the table empty, whatever their snapshot (case 149). */
async function copyTable(session: Session, target: TargetTable, section: TransferSection): Promise<TableResult> {
  const deleted = await session.run(`delete from ${onlyTable(target)}`)
  session.reach('apply.emptied')
  const { into } = columnLists(target)
  const { rows, bytes } = await loadSection(
    session,
    section,
    `copy ${quoteName(target.description)} ${into} from stdin`,
  )
  session.reach('apply.copied')
  return { table: section.table.table, mode: 'copy', written: rows, deleted, bytes }
}

async function applyChanges(
  session: Session,
  target: TargetTable,
  section: TransferSection,
  number: number,
): Promise<TableResult> {
  const stage = await stageSection(session, target, section, number)
  await session.run(`delete from ${onlyTable(target)} t using ${stage.name} s where ${keysMatch(target)}`)
  session.reach('apply.deleted')
  const { into, from } = columnLists(target)
  const written = await session.run(
    `insert into ${quoteName(target.description)} ${into} overriding system value
      select ${from} from ${stage.name} s where not s.gone`,
  )
  if (written !== stage.rows - stage.gone) throw swallowed(session, section, stage.rows - stage.gone, written)
  session.reach('apply.inserted')
  await session.run(`drop table ${stage.name}`)
  return { table: section.table.table, mode: 'changes', written, deleted: stage.gone, bytes: stage.bytes }
}
