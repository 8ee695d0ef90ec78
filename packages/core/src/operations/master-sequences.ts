import type { ClientConfig } from 'pg'
import { findSequences } from '../database/find-tables.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteName } from '../shared/names.ts'
import { selectRegistered } from './select-registered.ts'

export interface SequencesOptions extends CommonOptions {
  /** Names and patterns as typed. */
  sequences: string[]
}

export interface AddedSequence {
  readonly sequence: QualifiedName
  readonly outcome: 'added' | 'already-added'
}

/**
 * Registers sequences that belong to no column of a captured table: every slave that has one of the same name keeps up
 * with it. All of them or none.
 * @throws RservError BAD_NAME, NO_SUCH_SEQUENCE, PRIVILEGE, NOT_INITIALISED, WRONG_ROLE
 */
export async function masterAddSequences(
  master: ClientConfig,
  options: SequencesOptions,
): Promise<{ sequences: AddedSequence[] }> {
  await using session = await openSession(master, 'master', options)
  return await inTransaction(session, async () => {
    await requireRole(session, 'master')
    const sequences: AddedSequence[] = []
    for (const sequence of await findSequences(session, options.sequences)) {
      await checkPrivilege(session, sequence)
      const added = await session.run(
        'insert into rserv.replicated_sequence (schema_name, sequence_name) values ($1, $2) on conflict do nothing',
        [sequence.schema, sequence.name],
      )
      sequences.push({ sequence, outcome: added > 0 ? 'added' : 'already-added' })
    }
    return { sequences }
  })
}

async function checkPrivilege(session: Session, sequence: QualifiedName): Promise<void> {
  const row = await session.row(`select has_sequence_privilege($1, 'SELECT') as may`, [quoteName(sequence)])
  if (row?.['may'] === 't') return
  throw new RservError('PRIVILEGE', `the role may not read the sequence ${displayName(sequence)}`, {
    side: 'master',
    hint: `GRANT SELECT ON SEQUENCE ${quoteName(sequence)} to it.`,
  })
}

/**
 * Slaves keep up with them no longer; theirs stay where they are.
 * @throws RservError BAD_NAME, NOT_REPLICATED, NOT_INITIALISED, WRONG_ROLE
 */
export async function masterRemoveSequences(
  master: ClientConfig,
  options: SequencesOptions,
): Promise<{ sequences: { sequence: QualifiedName; outcome: 'removed' }[] }> {
  await using session = await openSession(master, 'master', options)
  return await inTransaction(session, async () => {
    await requireRole(session, 'master')
    const registered = await session.json<{ table: QualifiedName }[]>(
      `select coalesce(json_agg(json_build_object('table', json_build_object('schema', schema_name, 'name', sequence_name))
        order by schema_name, sequence_name), '[]') from rserv.replicated_sequence`,
    )
    const selected = selectRegistered(registered, { tables: options.sequences }, { session, kind: 'sequence' })
    for (const { table } of selected) {
      const gone = 'delete from rserv.replicated_sequence where schema_name = $1 and sequence_name = $2'
      await session.run(gone, [table.schema, table.name])
    }
    return { sequences: selected.map(({ table }) => ({ sequence: table, outcome: 'removed' as const })) }
  })
}
