import type { ClientConfig } from 'pg'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { ReconcileResult } from './reconcile.ts'
import { reconcile } from './reconcile.ts'

/** What became of a node that is to follow the new master. */
export interface Followed {
  readonly database: string
  readonly result: ReconcileResult | null
  /** Why it does not follow yet; null where it does. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null
}

/** Lets nodes follow a new master, one after the other; what fails with one does not keep the others. */
export async function bringOthers(
  master: ClientConfig,
  others: readonly ClientConfig[],
  options: CommonOptions,
): Promise<Followed[]> {
  const followed: Followed[] = []
  for (const other of others) {
    const database = other.database ?? ''
    try {
      const { signal, onEvent } = options
      followed.push({ database, result: await reconcile(master, other, { signal, onEvent }), error: null })
    } catch (error) {
      if (!(error instanceof RservError) || options.signal?.aborted) throw error
      const { code, message, hint } = error
      followed.push({ database, result: null, error: { code, message, hint: hint ?? null } })
    }
  }
  return followed
}
