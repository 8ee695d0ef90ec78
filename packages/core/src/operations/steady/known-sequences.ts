import type { TargetSequence } from '../../apply/set-sequences.ts'
import { findTargetSequence } from '../../apply/set-sequences.ts'
import type { Session } from '../../database/session.ts'
import { inTransaction } from '../../database/transaction.ts'
import type { QualifiedName } from '../../shared/names.ts'
import type { SourceSequence } from '../../transfer/sequences.ts'
import { listRegisteredSequences } from '../../transfer/sequences.ts'
import type { Link } from '../link.ts'

export interface KnownSequence {
  readonly source: QualifiedName
  /** The slave's. */
  readonly target: TargetSequence
  /** Statement that was applied last: the same one again would do nothing. */
  applied: string | undefined
}

/** Finds the slave's sequences, inside its transaction; those that it has none for are left out. */
export async function pairSequences(slave: Session, sources: readonly SourceSequence[]): Promise<KnownSequence[]> {
  const known: KnownSequence[] = []
  for (const { sequence, use } of sources) {
    const target = await findTargetSequence(slave, { sequence, table: use?.table ?? null, column: use?.column ?? null })
    if (target) known.push({ source: sequence, target, applied: undefined })
  }
  return known
}

/** The sequences that go by their own names. Inside a transaction on the master only. */
export async function knownRegistered({ master, slave }: Pick<Link, 'master' | 'slave'>): Promise<KnownSequence[]> {
  const sources = await listRegisteredSequences(master)
  return sources.length === 0 ? [] : inTransaction(slave, () => pairSequences(slave, sources))
}
