import type { MasterState, Problem, ServiceState, SlavePhase, SlaveState, SlaveTableState } from '@rserv/service'
import { followed } from './slaves.ts'

/** Something that happened between two looks at the state, for people. */
export interface Activity {
  /** ISO time. */
  readonly at: string
  readonly kind: 'transfer' | 'phase' | 'table' | 'log' | 'problem'
  /** The slave, or the master where it concerns no slave. */
  readonly where: string
  readonly text: string
  /** Of transfers: what is added up where several are told as one. */
  readonly moved?: Moved
}

interface Moved {
  /** ISO time of the first of them. */
  readonly since: string
  readonly syncId: string
  readonly transfers: number
  readonly rows: number
}

/** Milliseconds that transfers of one slave are told as one. */
const AS_ONE_MS = 30_000

/** Adds what happened to what is remembered, oldest first, at most `keep`; a busy slave's transfers are told as one. */
export function remember(past: readonly Activity[], now: readonly Activity[], keep: number): Activity[] {
  const all = [...past]
  for (const one of now) {
    const index = all.findLastIndex(({ where }) => where === one.where)
    const joined = joinedTransfers(all[index], one)
    if (joined) all.splice(index, 1)
    all.push(joined ?? one)
  }
  return all.slice(-keep)
}

function joinedTransfers(before: Activity | undefined, after: Activity): Activity | null {
  if (!before?.moved || !after.moved) return null
  if (Date.parse(after.at) - Date.parse(before.moved.since) > AS_ONE_MS) return null
  const moved: Moved = {
    since: before.moved.since,
    syncId: after.moved.syncId,
    transfers: before.moved.transfers + after.moved.transfers,
    rows: before.moved.rows + after.moved.rows,
  }
  return { ...after, moved, text: movedText(moved) }
}

function movedText({ syncId, transfers, rows }: Moved): string {
  const what = `${rows.toLocaleString('en')} ${rows === 1 ? 'row' : 'rows'}`
  return transfers === 1 ? `sync ${syncId}: ${what}` : `sync ${syncId}: ${what} in ${transfers} transfers`
}

const PHASES: Record<SlavePhase, string> = {
  connecting: 'connecting',
  copying: 'copying tables',
  'catching-up': 'catching up',
  'in-sync': 'in sync',
  paused: 'paused',
  retrying: 'retrying',
  detached: 'detached: marked for resync',
  stopped: 'stopped',
}

/** A phase in words. */
export function phaseText(phase: SlavePhase): string {
  return PHASES[phase] ?? phase
}

/** What happened from one state to a later one. Nothing for what is seen the first time, except problems. */
export function activityBetween(before: ServiceState | null, after: ServiceState, at: string): Activity[] {
  const earlier = new Map(before ? followed(before).map((one) => [one.key, one.slave]) : [])
  const masters = new Map(before?.masters.map((master) => [master.name, master]))
  return [
    ...after.masters.flatMap((master) => ofMaster(masters.get(master.name), master, at)),
    ...followed(after).flatMap(({ key, slave }) => ofSlave(earlier.get(key), slave, at)),
  ]
}

function ofMaster(before: MasterState | undefined, after: MasterState, at: string): Activity[] {
  const all: Activity[] = problem(after.name, before?.lastError, after.lastError)
  if (!before) return all
  if (before.connected !== after.connected) {
    all.push({ at, kind: 'phase', where: after.name, text: after.connected ? 'master connected' : 'master lost' })
  }
  if (after.cleanedAt !== null && before.cleanedAt !== after.cleanedAt) {
    all.push({ at: after.cleanedAt, kind: 'log', where: after.name, text: 'log cleaned' })
  }
  return all
}

function ofSlave(before: SlaveState | undefined, after: SlaveState, at: string): Activity[] {
  const where = after.name
  const all: Activity[] = problem(where, before?.lastError, after.lastError)
  if (!before) return all
  all.push(...transfers(before, after))
  // Every transfer of a busy master would be two lines more.
  const steady = isSteady(before.phase) && isSteady(after.phase)
  if (before.phase !== after.phase && !steady) all.push({ at, kind: 'phase', where, text: phaseText(after.phase) })
  const tables = new Map(before.tables.map((table) => [nameOf(table), table]))
  for (const table of after.tables) all.push(...ofTable(tables.get(nameOf(table)), table, { where, at }))
  return all
}

function isSteady(phase: SlavePhase): boolean {
  return phase === 'in-sync' || phase === 'catching-up'
}

function transfers(before: SlaveState, { name, last, totals }: SlaveState): Activity[] {
  const number = totals.transfers - before.totals.transfers
  if (number <= 0 || !last) return []
  const moved = { since: last.at, syncId: last.syncId, transfers: number, rows: totals.rows - before.totals.rows }
  return [{ at: last.at, kind: 'transfer', where: name, text: movedText(moved), moved }]
}

function ofTable(
  before: SlaveTableState | undefined,
  after: SlaveTableState,
  { where, at }: { where: string; at: string },
): Activity[] {
  const all = problem(where, before?.error, after.error, `${nameOf(after)}: `)
  if (before && before.state !== after.state) {
    all.push({ at, kind: 'table', where, text: `${nameOf(after)}: ${after.state}` })
  }
  return all
}

function nameOf({ schema, name }: { schema: string; name: string }): string {
  return `${schema}.${name}`
}

function problem(where: string, before: Problem | null | undefined, after: Problem | null, prefix = ''): Activity[] {
  if (after === null || (before && before.at === after.at && before.message === after.message)) return []
  return [{ at: after.at, kind: 'problem', where, text: `${prefix}${after.message}` }]
}
