import { checkPosition } from '../acknowledge/check-position.ts'
import { refuseOtherMaster } from '../acknowledge/refuse-other-master.ts'
import type { KnownServer } from '../acknowledge/servers.ts'
import type { SlavePosition } from '../apply/slave-position.ts'
import type { SlaveTable } from '../apply/slave-tables.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Node } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { displayName, sameName } from '../shared/names.ts'
import { includes } from '../shared/position.ts'
import { resyncCommand, shellWord } from '../shared/resync-command.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

export interface SlaveState {
  readonly node: Node
  readonly server: KnownServer | null
  readonly position: SlavePosition
  readonly registered: readonly SlaveTable[]
  readonly captured: readonly ReplicatedTable[]
}

const CODES: Partial<Record<string, Finding['code']>> = {
  POSITION_UNKNOWN: 'position-unknown',
  LOG_GAP: 'log-gap',
  OLD_GENERATION: 'other-master',
}

/** Does the master know the position? Inside a transaction on the master. */
export async function checkKnownPosition(master: Session, slave: Session, state: SlaveState): Promise<Finding[]> {
  try {
    await refuseOtherMaster(master, state.node, { database: slave.database, tables: state.registered })
    await checkPosition(master, state.server, { ...state.position, database: slave.database })
    return []
  } catch (error) {
    const code = error instanceof RservError ? CODES[error.code] : undefined
    if (code === undefined || !(error instanceof RservError)) throw error
    const fix = error.hint ?? resyncCommand({ master: master.database, slave: slave.database })
    return [finding(code, { session: slave }, error.message, fix)]
  }
}

/** What the slave registered, against what the master captures. */
export function checkRegistration(master: Session, slave: Session, state: SlaveState): Finding[] {
  const own = state.registered.filter(({ origin }) => origin === null || origin === state.node.nodeId)
  const found = own.flatMap((table) => checkOne(master, slave, { state, table }))
  const others = state.captured.filter(({ table }) => !state.registered.some((other) => sameName(other.table, table)))
  const notTaken = others.map(({ table }) => {
    const fix = `rserv slave-add-table ${words(slave, table)}`
    return finding('not-taken', { session: slave, table }, 'the master captures it, this slave does not take it', fix)
  })
  return [...found, ...notTaken]
}

function words(session: Session, table: SlaveTable['table']): string {
  return `${shellWord(session.database)} ${shellWord(displayName(table))}`
}

interface One {
  readonly state: SlaveState
  readonly table: SlaveTable
}

function checkOne(master: Session, slave: Session, { state, table }: One): Finding[] {
  const where = { session: slave, table: table.table }
  const names = { master: master.database, slave: slave.database }
  const captured = state.captured.find((candidate) => sameName(candidate.table, table.table))
  if (!captured) {
    const fix = `rserv master-add-table ${words(master, table.table)}`
    return [finding('not-captured', where, 'the slave takes it, the master does not capture it', fix)]
  }
  const found: Finding[] = []
  if (captured.keyColumns.toSorted().join('\0') !== table.keyColumns.toSorted().join('\0')) {
    const text = `the slave finds its rows by (${table.keyColumns.join(', ')}), the master captures (${captured.keyColumns.join(', ')})`
    const key = captured.keyColumns.map(shellWord).join(' ')
    const fix = `rserv slave-remove-table ${words(slave, table.table)} && rserv slave-add-table ${words(slave, table.table)} ${key}`
    found.push(finding('other-key', where, text, fix))
  }
  if (table.parked) {
    const text = `left out of transfers since it failed (last tried ${table.parked.at}): ${table.parked.message}`
    const fix = `Mend what the message says; rserv run tries it again every minute, and at once: rserv replicate ${shellWord(names.master)} ${shellWord(names.slave)}`
    found.push(finding('parked', where, text, fix))
  } else if (table.state === 'new') {
    const fix = `rserv replicate ${shellWord(names.master)} ${shellWord(names.slave)}`
    found.push(finding('copy-pending', where, 'the next transfer copies it whole', fix))
  } else if (isGap(captured, table, state)) {
    const text = 'the log no longer covers the position of the slave'
    found.push(finding('log-gap', where, text, resyncCommand(names, table.table)))
  }
  return found
}

function isGap(captured: ReplicatedTable, table: SlaveTable, { position: { position } }: SlaveState): boolean {
  // One that was copied apart keeps its log, or is copied again.
  if (table.state === 'copied') return false
  if (table.state === 'assumed') return captured.logStart !== captured.capturedFrom
  return position === null || !includes(position, captured.logStart)
}
