import type { Session } from '../database/session.ts'
import { withOwnSearchPath } from '../database/transaction.ts'
import type { RservEvent } from '../shared/events.ts'
import type { Flow } from '../shared/flow.ts'
import { displayName } from '../shared/names.ts'
import { ofTable } from '../shared/of-table.ts'
import type { Transfer, TransferSection, TransferTable } from '../transfer/transfer.ts'
import { applyScript } from './apply-script.ts'
import { applyAsOrdinary } from './as-ordinary.ts'
import { ReplicaWriter } from './as-replica.ts'
import { becomeReplica } from './replica-role.ts'
import type { TableResult } from './results.ts'
import { setSequences } from './set-sequences.ts'
import { markSynced } from './slave-tables.ts'
import { writePosition } from './slave-position.ts'
import type { Stage } from './stage.ts'
import { stageSection } from './stage.ts'
import type { TargetTable } from './target-table.ts'
import { matchTarget } from './target-table.ts'
import { watchCopy } from './watch-copy.ts'
import { wishesOf } from './wishes.ts'

export interface ApplyOptions {
  /** The transfer's tables that this slave takes; others are read and dropped. */
  readonly accepts: (table: TransferTable) => boolean
  readonly onEvent?: ((event: RservEvent) => void) | undefined
  /** Holds rows back. */
  readonly flow?: Flow | undefined
}

/**
 * Applies a transfer inside the caller's transaction, which holds the lock on the slave's position: rows, sequences,
 * states and position become visible together when the caller commits. The source is durable by then.
 */
export async function applyTransfer(
  session: Session,
  transfer: Transfer,
  options: ApplyOptions,
): Promise<TableResult[]> {
  const { header } = transfer
  const taken = header.tables.filter(options.accepts)
  const targets = new Map<number, TargetTable>()
  for (const table of taken) {
    if (table.mode !== 'unchanged')
      targets.set(table.tableId, await ofTable(table.table, () => matchTarget(session, table)))
  }
  session.reach('apply.matched')
  // One of the two, whatever a file says.
  await session.run(`set local client_encoding = '${header.encoding === 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8'}'`)
  const replica = await becomeReplica(session)
  const results = await withOwnSearchPath(session, () =>
    replica ? applySections(session, transfer, targets, options) : stageSections(session, transfer, targets, options),
  )
  session.reach('apply.rows')
  const trailer = await transfer.finish()
  const names = new Set(taken.map((table) => displayName(table.table)))
  await setSequences(
    session,
    trailer.sequences.filter(({ table: user }) => user === null || names.has(displayName(user))),
  )
  session.reach('apply.sequences')
  await markSynced(
    session,
    taken.map((table) => table.table),
    header.origin,
  )
  if (header.script) await applyScript(session, header.script, header)
  await writePosition(session, header.origin, {
    syncId: header.syncId,
    position: header.to,
    token: header.token,
    serverName: header.server.name,
    life: header.life,
    lineage: header.lineage,
  })
  session.reach('apply.position')
  return results
}

async function applySections(
  session: Session,
  transfer: Transfer,
  targets: ReadonlyMap<number, TargetTable>,
  options: ApplyOptions,
): Promise<TableResult[]> {
  const results: TableResult[] = []
  const writer = new ReplicaWriter(session)
  for await (const section of transfer.sections(wishesOf(session, targets))) {
    const target = targets.get(section.table.tableId)
    if (!target) {
      await skip(section)
      continue
    }
    const apply = (read: TransferSection): ReturnType<typeof writer.apply> => writer.apply(target, read)
    const result = await ofTable(section.table.table, () => watchCopy(section, options, apply))
    if (!result) continue
    results.push(result)
    report(result, options)
  }
  return results
}

async function stageSections(
  session: Session,
  transfer: Transfer,
  targets: ReadonlyMap<number, TargetTable>,
  options: ApplyOptions,
): Promise<TableResult[]> {
  const stages: Stage[] = []
  for await (const section of transfer.sections()) {
    const target = targets.get(section.table.tableId)
    if (!target) {
      await skip(section)
      continue
    }
    const stage = (read: TransferSection): Promise<Stage> => stageSection(session, target, read, stages.length)
    stages.push(await ofTable(section.table.table, () => watchCopy(section, options, stage)))
  }
  const results = await applyAsOrdinary(session, stages)
  for (const result of results) report(result, options)
  return results
}

async function skip(section: TransferSection): Promise<void> {
  for await (const _ of section.data) continue
}

function report(result: TableResult, options: ApplyOptions): void {
  const verb = result.mode === 'copy' ? 'copied' : 'changed'
  options.onEvent?.({
    kind: 'progress',
    message: `${displayName(result.table)}: ${result.written} rows ${verb}, ${result.deleted} deleted`,
    table: result.table,
    rows: result.written,
    bytes: result.bytes,
  })
}
