import type { HeldCopy } from '../acknowledge/copies.ts'
import type { SlaveTable } from '../apply/slave-tables.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Wanted } from '../changes/wanted.ts'
import { RservError } from '../shared/errors.ts'
import { displayName } from '../shared/names.ts'
import { errorOfTable } from '../shared/of-table.ts'
import type { Position } from '../shared/position.ts'
import { includes } from '../shared/position.ts'
import type { DatabaseNames } from '../shared/resync-command.ts'
import { resyncCommand } from '../shared/resync-command.ts'

export interface Plan {
  readonly tables: ReplicatedTable[]
  readonly wanted: Wanted[]
  /** Are there tables that were copied apart? The transfer joins them, whether they have changed since or not. */
  readonly joins: boolean
}

/** A plan for which there is something to do. */
export interface DuePlan extends Plan {
  /** Of `activeTables`. */
  readonly guess: ReadonlySet<number>
  /** Was DDL looked for just before? */
  readonly refreshed: boolean
}

/** Where the rows come from: uuid of the master; and what both databases are called. */
export interface Origin extends DatabaseNames {
  readonly nodeId: string
  /** What the master recorded of the slave's copies, by table id. */
  readonly copies: ReadonlyMap<number, HeldCopy>
}

/**
 * What a slave needs of each table that it registered.
 * @throws RservError NOT_REPLICATED, LOG_GAP
 */
export function planForSlave(
  captured: readonly ReplicatedTable[],
  slaveTables: readonly SlaveTable[],
  position: Position | null,
  origin: Origin,
): Plan {
  const own = slaveTables.filter(({ origin: of }) => of === null || of === origin.nodeId)
  const plan: Plan = { tables: [], wanted: [], joins: own.some(({ state }) => state === 'copied') }
  const byName = new Map(captured.map((table) => [JSON.stringify([table.table.schema, table.table.name]), table]))
  for (const slaveTable of own) {
    const table = byName.get(JSON.stringify([slaveTable.table.schema, slaveTable.table.name]))
    try {
      if (!table) throw notCaptured(slaveTable)
      checkKeys(table, slaveTable)
      plan.tables.push(table)
      plan.wanted.push(want(table, slaveTable, { position, origin }))
    } catch (error) {
      throw errorOfTable(error, slaveTable.table)
    }
  }
  return plan
}

function want(
  table: ReplicatedTable,
  slaveTable: SlaveTable,
  { position, origin }: { position: Position | null; origin: Origin },
): Wanted {
  const { tableId } = table
  const again = `Copy it again: ${resyncCommand(origin, table.table)}, then replicate.`
  if (slaveTable.state === 'new') return { tableId, copy: true, since: null }
  if (slaveTable.state === 'copied') return wantCopied(table, slaveTable, origin.copies.get(tableId))
  if (slaveTable.state === 'assumed') {
    if (table.logStart !== table.capturedFrom) throw cleaned(table, again)
    return { tableId, copy: false, since: null }
  }
  refuseGap(table, position, again)
  return { tableId, copy: false, since: position }
}

function wantCopied(table: ReplicatedTable, slaveTable: SlaveTable, held: HeldCopy | undefined): Wanted {
  const { tableId } = table
  const since = slaveTable.copied?.position ?? null
  return isGoodCopy(table, slaveTable, held) ? { tableId, copy: false, since } : { tableId, copy: true, since: null }
}

/**
 * Can a table that was copied apart go on from there? The copy is the one that this master has on record, which also keeps
 * its log; otherwise one of the two was restored to another time, or the table was captured anew since.
 */
export function isGoodCopy(
  { logStart }: Pick<ReplicatedTable, 'logStart'>,
  { copied }: Pick<SlaveTable, 'copied'>,
  held: HeldCopy | undefined,
): boolean {
  if (!copied || !held) return false
  return held.token === copied.token && held.position === copied.position && includes(copied.position, logStart)
}

/**
 * The log must begin at or before the position: what was cleaned beyond it would be lost in silence (case 168).
 * @param again how to copy the table
 * @throws RservError LOG_GAP
 */
export function refuseGap(table: ReplicatedTable, position: Position | null, again: string): void {
  if (position !== null && includes(position, table.logStart)) return
  throw new RservError('LOG_GAP', `the log of ${displayName(table.table)} no longer covers the slave's position`, {
    side: 'master',
    hint: `It was cleaned beyond it, or the table was captured anew (was the slave restored from a backup?). ${again}`,
  })
}

function cleaned({ table }: ReplicatedTable, again: string): RservError {
  return new RservError(
    'LOG_GAP',
    `${displayName(table)} was added with --assume-synced, but its log was cleaned since capture began`,
    {
      side: 'master',
      hint: `Which rows changed is no longer known. ${again}`,
    },
  )
}

function notCaptured({ table }: SlaveTable): RservError {
  const name = displayName(table)
  return new RservError('NOT_REPLICATED', `the slave takes table ${name}, which the master does not capture`, {
    side: 'master',
    hint: `Run master-add-table for ${name}, or slave-remove-table on the slave.`,
  })
}

function checkKeys(table: ReplicatedTable, slaveTable: SlaveTable): void {
  const same = table.keyColumns.toSorted().join('\0') === slaveTable.keyColumns.toSorted().join('\0')
  if (same) return
  throw new RservError(
    'TABLE_MISMATCH',
    `${displayName(table.table)} is keyed by (${table.keyColumns.join(', ')}) on the master, by (${slaveTable.keyColumns.join(', ')}) on the slave`,
    { side: 'slave', hint: 'Register it with the same key on both sides.' },
  )
}
