import type { Session } from '../database/session.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import { displayName, quoteIdent, quoteName } from '../shared/names.ts'
import type { ForeignKey } from './foreign-keys.ts'
import { deferConstraints, listForeignKeys, orderByForeignKeys } from './foreign-keys.ts'
import type { TableResult } from './results.ts'
import type { Stage } from './stage.ts'
import { columnLists, keysMatch, onlyTable, stageColumn, swallowed } from './stage.ts'
import { disableReactions } from './user-triggers.ts'

/**
 * Applies staged sections for a role that may not set session_replication_role: the slave's triggers and rules are
 * switched off for the transaction, and foreign keys stay in force, so rows go children first and come parents
 * first (cases 14, 15, 123).
 */
export async function applyAsOrdinary(session: Session, stages: readonly Stage[]): Promise<TableResult[]> {
  const targets = stages.map((stage) => stage.target)
  const keys = await listForeignKeys(session, targets)
  const { ordered, cyclic } = orderByForeignKeys(stages, keys)
  const undo = [...(await disableReactions(session, targets)), ...(await deferConstraints(session, cyclic))]
  const results = new Map<Stage, TableResult>()
  for (const stage of ordered.toReversed()) await deleteGone(session, stage)
  for (const stage of ordered) results.set(stage, await writeRows(session, stage, keys))
  // Pending checks would forbid the ALTERs that put constraints and triggers back.
  await session.run('set constraints all immediate')
  for (const statement of undo) await session.run(statement)
  return stages.flatMap((stage) => results.get(stage) ?? [])
}

async function deleteGone(session: Session, stage: Stage): Promise<void> {
  const { target, name } = stage
  const gone =
    target.transfer.mode === 'copy'
      ? `delete from ${onlyTable(target)} t where not exists (select from ${name} s where ${keysMatch(target)})`
      : `delete from ${onlyTable(target)} t using ${name} s where s.gone and ${keysMatch(target)}`
  await session.run(gone)
}

async function writeRows(session: Session, stage: Stage, keys: readonly ForeignKey[]): Promise<TableResult> {
  const oid = stage.target.description.oid
  const mustStay = keys.some((key) => key.parentOid === oid && key.actsOnDelete)
  const written = mustStay ? await updateInPlace(session, stage) : await replaceRows(session, stage)
  const present = stage.rows - stage.gone
  if (written !== present) throw swallowed(session, { table: stage.target.transfer }, present, written)
  const mode = stage.target.transfer.mode === 'copy' ? 'copy' : 'changes'
  return { table: stage.target.transfer.table, mode, written, deleted: stage.gone, bytes: stage.bytes }
}

/**
 * Deletes and inserts in ONE statement: foreign keys without action are checked at its end, when the parent is there
 * again, and unique values may change places. The sub-select makes all deletes come first.
 */
async function replaceRows(session: Session, { target, name }: Stage): Promise<number> {
  const { into, from } = columnLists(target)
  return session.run(
    `with gone as (delete from ${onlyTable(target)} t using ${name} s where ${keysMatch(target)} returning 1)
      insert into ${quoteName(target.description)} ${into} overriding system value
      select ${from} from ${name} s where not s.gone and (select count(*) from gone) >= 0`,
  )
}

/** Deleting a parent would cascade to children that did not change: its row is updated where it is (case 15). */
async function updateInPlace(session: Session, { target, name }: Stage): Promise<number> {
  const { into, from } = columnLists(target)
  const set = target.columns.flatMap((column, index) =>
    column.identityAlways ? [] : [`${quoteIdent(column.name)} = s.${stageColumn(index)}`],
  )
  try {
    const updated = await session.run(
      `update ${onlyTable(target)} t set ${set.join(', ')} from ${name} s where not s.gone and ${keysMatch(target)}`,
    )
    const inserted = await session.run(
      `insert into ${quoteName(target.description)} ${into} overriding system value
        select ${from} from ${name} s where not s.gone
          and not exists (select from ${onlyTable(target)} t where ${keysMatch(target)})`,
    )
    return updated + inserted
  } catch (error) {
    if (codeOf(error) !== '23505') throw error
    throw new RservError('PRIVILEGE', `rows of ${displayName(target.description)} exchanged unique values`, {
      side: 'slave',
      sqlState: '23505',
      hint:
        'Its foreign keys act on DELETE, so rows cannot be replaced. Let the role set session_replication_role ' +
        '(GRANT SET ON PARAMETER session_replication_role, PostgreSQL 15 or newer), then run the command again.',
      cause: error,
    })
  }
}
