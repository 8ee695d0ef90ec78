import type { Session } from '../database/session.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'
import { listUsedSequences } from '../transfer/sequences.ts'

/**
 * Lets the sequences of the captured tables skip values that a master which is gone may have given out: rows that only it has
 * then stand in nobody's way. Not beyond a sequence's end. Inside a transaction, though sequences are not transactional.
 */
export async function advanceSequences(session: Session, margin: number): Promise<void> {
  if (margin === 0) return
  const tables = await listReplicated(session)
  const used = await listUsedSequences(
    session,
    tables.map(({ tableId }) => tableId),
  )
  // One may serve several columns.
  const names = new Map(used.map(({ sequence }) => [quoteName(sequence), sequence]))
  for (const sequence of names.values()) await advance(session, sequence, margin)
}

async function advance(session: Session, sequence: QualifiedName, margin: number): Promise<void> {
  const name = quoteName(sequence)
  await session.query(
    `select setval(${quoteLiteral(name)}, v.next::bigint, true)
      from pg_sequence q, ${name} s, lateral (select s.last_value::numeric + q.seqincrement::numeric * $1 as next) v
      where q.seqrelid = ${quoteLiteral(name)}::regclass and not q.seqcycle and v.next between q.seqmin and q.seqmax`,
    [margin],
  )
}
