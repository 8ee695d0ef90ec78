import type { ClientConfig } from 'pg'
import { lockBetweenTransfers } from '../apply/slave-position.ts'
import { requireSource } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { begin, inTransaction, rollback } from '../database/transaction.ts'
import type { Former } from '../operations/moved-slaves.ts'
import { listFollowed, noteMoved } from '../operations/moved-slaves.ts'
import { compareReigns, learnReigns } from '../operations/reigns.ts'
import type { TransferResult } from '../operations/replicate.ts'
import { transferOnce } from '../operations/replicate.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { includes } from '../shared/position.ts'
import { resyncCommand } from '../shared/resync-command.ts'
import { adopt, entrust } from './adopt.ts'
import type { CommonState, Sides } from './common-state.ts'
import { findCommonStates } from './common-state.ts'
import { handOver } from './hand-over.ts'
import { requireAnyRole } from './node-roles.ts'
import { settleScripts } from './scripts.ts'
import type { SharedTable } from './shared-tables.ts'
import { sharedTables } from './shared-tables.ts'

export interface ReconcileOptions extends CommonOptions {
  /** Copy tables whose logs do not reach back to a common state; default: refuse. */
  copy?: boolean | undefined
  /** Count scripts of `ddl` that only one of the two has run as run by both; default: refuse. */
  anyway?: boolean | undefined
  /** What else is to be done before rows are overwritten: in a transaction on both sides, which the caller of it commits. */
  before?: ((sides: Sides, common: CommonState, tables: readonly SharedTable[]) => Promise<void>) | undefined
}

export interface ReconcileResult {
  readonly source: string
  readonly target: string
  /** Keys that had changed on the target since the common state. */
  readonly keys: number
  /** Tables that were copied whole. */
  readonly copied: readonly QualifiedName[]
  readonly transfer: TransferResult
}

/**
 * Makes a target the source's slave, without a copy: the keys that changed on either since the last state that both had are
 * transferred from the source, in one transaction on the target. It is an ordinary transfer, but for the keys that
 * changed on the target, which are handed to the source's log before. Can be run again after a failure at any point.
 * @throws RservError NOTHING_IN_COMMON, OLD_GENERATION, LOG_GAP, NOT_READY, BUSY, and what `replicate` throws
 */
export async function reconcile(
  source: ClientConfig,
  target: ClientConfig,
  options: ReconcileOptions = {},
): Promise<ReconcileResult> {
  await using sourceSession = await openSession(source, 'master', options)
  await using targetSession = await openSession(target, 'slave', options)
  const sides = await connectSides(sourceSession, targetSession)
  const { keys, copied, formers } = await prepare(sides, options)
  const slaveNode = await inTransaction(targetSession, () => requireAnyRole(targetSession))
  const link = { master: sourceSession, slave: targetSession, node: sides.sourceNode, slaveNode }
  const transfer = await transferOnce(link, target, options)
  await inTransaction(sourceSession, () => noteMoved(sourceSession, slaveNode.nodeId, formers))
  return { source: sourceSession.database, target: targetSession.database, keys, copied, transfer }
}

async function connectSides(source: Session, target: Session): Promise<Sides> {
  const sourceNode = await inTransaction(source, () => requireSource(source))
  const targetNode = await inTransaction(target, () => requireAnyRole(target))
  if (sourceNode.nodeId === targetNode.nodeId) {
    throw new RservError('SAME_NODE', 'both are the same database', { hint: 'Give two databases.' })
  }
  const news = await compareReigns(source, target)
  if (news.length > 0) await inTransaction(target, () => learnReigns(target, news))
  return { source, sourceNode, target, targetNode }
}

/** Up to the moment when the target is a slave that an ordinary transfer brings up. */
async function prepare(
  sides: Sides,
  options: ReconcileOptions,
): Promise<{ keys: number; copied: readonly QualifiedName[]; formers: readonly Former[] }> {
  const { source, sourceNode, target } = sides
  await begin(target, { isolation: 'read committed', lockTimeoutMs: 10_000 })
  try {
    const origins = await target.query('select origin from rserv.slave_sync union select $1', [sourceNode.nodeId])
    for (const { origin } of origins) await lockBetweenTransfers(target, origin ?? '')
    const formers = await listFollowed(target, sourceNode.nodeId)
    const { common, tables } = await inTransaction(source, async () => {
      await settleScripts(source, target, { anyway: options.anyway ?? false })
      return choose(sides)
    })
    refuseNothing(sides, tables)
    refuseGaps(sides, tables, options)
    const server = await entrust(sides)
    const copied = new Set(tables.filter(({ gap }) => gap))
    let keys = 0
    const given = await inTransaction(source, async () => {
      await options.before?.(sides, common, tables)
      for (const table of tables.filter(({ gap }) => !gap)) {
        const handed = common.targetSince === null ? 0 : await handOver(sides, table, common.targetSince)
        if (handed === null) copied.add(table)
        else keys += handed
      }
      return server.record(common.sourceSince, tables)
    })
    source.reach('roles.handed-over')
    await adopt(sides, { tables, copied, given })
    await target.run('commit')
    target.reach('roles.adopted')
    return { keys, copied: [...copied].map(({ source: { table } }) => table), formers }
  } catch (error) {
    await rollback(target)
    throw error
  }
}

/** Of two positions of one node the later one comes first. */
function later(a: Position, b: Position): number {
  if (a === b) return 0
  return includes(a, b) ? -1 : 1
}

/** The common state from which the fewest tables have to be copied; of those the latest. */
async function choose(sides: Sides): Promise<{ common: CommonState; tables: SharedTable[] }> {
  const choices: { common: CommonState; tables: SharedTable[]; gaps: number }[] = []
  for (const common of await findCommonStates(sides)) {
    const tables = await sharedTables(sides, common)
    choices.push({ common, tables, gaps: tables.filter(({ gap, isNew }) => gap && !isNew).length })
  }
  const [best] = choices.toSorted((a, b) => a.gaps - b.gaps || later(a.common.sourceSince, b.common.sourceSince))
  if (best) return best
  const names = { master: sides.source.database, slave: sides.target.database }
  throw new RservError('NOTHING_IN_COMMON', `${names.slave} and ${names.master} have no state in common on record`, {
    side: 'slave',
    hint: `Copy its tables: rserv slave-init, slave-add-table, ${resyncCommand(names)}, then replicate.`,
  })
}

/** A target that takes none of the source's tables would be called in sync with it. */
function refuseNothing({ source, target }: Sides, tables: readonly SharedTable[]): void {
  if (tables.length > 0) return
  throw new RservError('NOTHING_IN_COMMON', `${target.database} takes no table that ${source.database} captures`, {
    side: 'slave',
    hint: `Its tables come from another master. Nothing was changed. To take them from this one: rserv slave-remove-table, rserv slave-add-table, then replicate.`,
  })
}

function refuseGaps({ source, target }: Sides, tables: readonly SharedTable[], { copy }: ReconcileOptions): void {
  const gaps = tables.filter(({ gap, isNew }) => gap && !isNew)
  if (copy || gaps.length === 0) return
  const list = gaps.map(({ source: { table } }) => displayName(table)).join(', ')
  throw new RservError(
    'LOG_GAP',
    `the logs of ${source.database} and ${target.database} do not reach back to a state that both had: ${list}`,
    {
      side: 'master',
      hint: 'Nothing was changed. With --copy-gaps these tables are copied whole, over the rows that are there.',
    },
  )
}
