import type { Session } from '../database/session.ts'
import { tryWork } from '../database/transaction.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import { displayName, quoteIdent, quoteName } from '../shared/names.ts'
import type { ForeignKey } from './foreign-keys.ts'
import { deferForeignKeys, listForeignKeys, orderByForeignKeys } from './foreign-keys.ts'
import { logAbsentKeys, logCopy } from './kept-log.ts'
import type { TableResult } from './results.ts'
import type { Stage } from './stage.ts'
import { columnLists, keysMatch, onlyTable, stageColumn, swallowed } from './stage.ts'
import { disableReactions } from './user-triggers.ts'

/**
 * Applies staged sections for a role that may not set session_replication_role: the slave's triggers and rules are
 * switched off for the transaction; foreign keys stay in force (cases 14, 15, 123). Usually the right order of the
 * tables satisfies them; where none does (a row leaves its parent, which then goes; cycles), they are deferred.
 */
export async function applyAsOrdinary(session: Session, stages: readonly Stage[]): Promise<TableResult[]> {
  const targets = stages.map((stage) => stage.target)
  const keys = await listForeignKeys(session, targets)
  const undo = await disableReactions(session, targets)
  session.reach('apply.reactions-off')
  await session.run('set constraints all deferred')
  // The guard of a slave that keeps a log lets us pass.
  await session.run(`set local rserv.applying = 'on'`)
  const results =
    (await tryWork(session, ['23503', '23001'], () => writeStages(session, stages, keys))) ??
    (await writeDeferred(session, stages, keys))
  for (const statement of undo) await session.run(statement)
  session.reach('apply.reactions-on')
  return results
}

async function writeDeferred(
  session: Session,
  stages: readonly Stage[],
  keys: readonly ForeignKey[],
): Promise<TableResult[]> {
  const undo = await deferForeignKeys(session, keys)
  session.reach('apply.deferred')
  const results = await writeStages(session, stages, keys)
  for (const statement of undo) await session.run(statement)
  return results
}

/** Parents first; rows of acting parents go last, when no child that stays points to them any more. */
async function writeStages(
  session: Session,
  stages: readonly Stage[],
  keys: readonly ForeignKey[],
): Promise<TableResult[]> {
  const ordered = orderByForeignKeys(stages, keys)
  const results = new Map<Stage, TableResult>()
  for (const stage of ordered) results.set(stage, await writeRows(session, stage, keys))
  for (const stage of ordered.toReversed()) if (mustStay(stage, keys)) await deleteGone(session, stage)
  // Here, not at COMMIT: pending checks would forbid the ALTERs that put triggers and constraints back.
  await session.run('set constraints all immediate')
  return stages.flatMap((stage) => results.get(stage) ?? [])
}

/** Deleting one of its rows would act on children that did not change: rows are updated where they are (case 15). */
function mustStay(stage: Stage, keys: readonly ForeignKey[]): boolean {
  return keys.some((key) => key.parentOid === stage.target.description.oid && key.actsOnDelete)
}

/** The condition on a row `t` that the master has it no more. */
function isGone({ target, name }: Stage): string {
  return target.transfer.mode === 'copy'
    ? `not exists (select from ${name} s where ${keysMatch(target)})`
    : `exists (select from ${name} s where s.gone and ${keysMatch(target)})`
}

async function deleteGone(session: Session, stage: Stage): Promise<void> {
  await session.run(`delete from ${onlyTable(stage.target)} t where ${isGone(stage)}`)
}

async function writeRows(session: Session, stage: Stage, keys: readonly ForeignKey[]): Promise<TableResult> {
  await logKeys(session, stage)
  const written = mustStay(stage, keys) ? await updateInPlace(session, stage) : await replaceRows(session, stage)
  session.reach(mustStay(stage, keys) ? 'apply.updated' : 'apply.replaced')
  const present = stage.rows - stage.gone
  if (written !== present) throw swallowed(session, { table: stage.target.transfer }, present, written)
  const mode = stage.target.transfer.mode === 'copy' ? 'copy' : 'changes'
  return { table: stage.target.transfer.table, mode, written, deleted: stage.gone, bytes: stage.bytes }
}

async function logKeys(session: Session, { target, name }: Stage): Promise<void> {
  if (target.transfer.mode === 'copy') return logCopy(session, target)
  const logging = logAbsentKeys(target, `${name} s`, 's.gone')
  if (logging !== null) await session.run(logging)
}

/**
 * Deletes and inserts in ONE statement: foreign keys without action are checked at its end, when the parent is there
 * again, and unique values may change places. The sub-select makes all deletes come first.
 */
async function replaceRows(session: Session, stage: Stage): Promise<number> {
  const { target, name } = stage
  const { into, from } = columnLists(target)
  // A copy replaces all rows, changes those whose keys are named.
  const replaced =
    target.transfer.mode === 'copy' ? 'true' : `exists (select from ${name} s where ${keysMatch(target)})`
  return session.run(
    `with replaced as (delete from ${onlyTable(target)} t where ${replaced} returning 1)
      insert into ${quoteName(target.description)} ${into} overriding system value
      select ${from} from ${name} s where not s.gone and (select count(*) from replaced) >= 0`,
  )
}

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
