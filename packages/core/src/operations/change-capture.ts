import type { BackendResolver, Granularity, TriggerBackend } from '../capture/contract.ts'
import { countTriggers, keyUpdatesOf } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { captureOf } from './capture-of.ts'

export interface CaptureChange {
  readonly known: ReplicatedTable
  readonly description: TableDescription
  readonly backend: TriggerBackend
  readonly granularity: Granularity
  readonly backends: BackendResolver
}

/**
 * Statements that give a captured table to another backend or granularity. Its log stays. Run in one transaction they lose
 * no change: dropping the first trigger takes a lock that no writer shares, and the new triggers are there before it
 * is released.
 */
export async function changeStatements({
  known,
  description,
  backend,
  granularity,
  backends,
}: CaptureChange): Promise<string[]> {
  const before = await backends(known.backend)
  const keyUpdates = keyUpdatesOf(description, granularity)
  const after = { ...captureOf({ ...known, granularity }, description), keyUpdates }
  return [
    ...before.remove(captureOf(known, description)),
    ...backend.createFunctions(after),
    ...backend.createTriggers(after),
  ]
}

/** Records the change; inside its transaction. */
export async function recordChange(session: Session, { known, backend, granularity }: CaptureChange): Promise<void> {
  await session.run(
    'update rserv.replicated_table set backend = $2, granularity = $3, trigger_count = $4 where table_id = $1',
    [known.tableId, backend.name, granularity, await countTriggers(session, known.oid)],
  )
}
