import { currentSnapshot } from '../../database/current-snapshot.ts'
import { beginStatements, rollback } from '../../database/transaction.ts'
import { SEQUENCES_NOW } from '../../transfer/sequences.ts'
import type { Link } from '../link.ts'

/** What changes when anything does. */
export interface Traces {
  /** Of both sides. While they are the same nothing can have changed but values of sequences, which leave no trace there. */
  readonly snapshots: string
  /** The master's, with their values. */
  readonly sequences: string
}

/** One message to each side. */
export async function traces({ master, slave }: Pick<Link, 'master' | 'slave'>): Promise<Traces> {
  const [answers, own] = await Promise.all([
    master.batch([
      ...beginStatements(master),
      'select pg_catalog.pg_current_snapshot()::text as now',
      SEQUENCES_NOW,
      'commit',
    ]),
    currentSnapshot(slave),
  ]).catch(async (error: unknown) => {
    await rollback(master)
    throw error
  })
  const [snapshot, sequences] = answers.flat()
  return { snapshots: `${snapshot?.['now']} ${own}`, sequences: sequences?.['sequences'] ?? '' }
}
