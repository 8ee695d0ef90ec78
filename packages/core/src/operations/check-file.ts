import type { SlavePosition } from '../apply/slave-position.ts'
import type { SlaveTable } from '../apply/slave-tables.ts'
import { RservError } from '../shared/errors.ts'
import { displayName, sameName } from '../shared/names.ts'
import { includes } from '../shared/position.ts'
import type { TransferHeader } from '../transfer/transfer.ts'

export interface FileTarget {
  readonly nodeId: string
  readonly position: SlavePosition
  readonly tables: readonly SlaveTable[]
}

/**
 * Is the slave at or beyond the file's sync id?
 * @throws RservError WRONG_SNAPSHOT where that names another moment on the slave
 */
export function alreadyApplied(header: TransferHeader, position: SlavePosition): boolean {
  if (position.syncId === header.syncId && position.token !== header.token) throw fromOtherTime(position)
  return position.syncId !== null && BigInt(header.syncId) <= BigInt(position.syncId)
}

/**
 * Refuses a file that is not for this slave as it stands.
 * @throws RservError WRONG_SNAPSHOT
 */
export function refuseWrongFile(header: TransferHeader, slave: FileTarget): void {
  refuseOtherSlave(header, slave)
  refuseOtherPosition(header, slave)
  if (!header.script) for (const table of slave.tables) refuseTableState(header, table)
}

function refuseOtherSlave(header: TransferHeader, { nodeId, position }: FileTarget): void {
  const { server } = header
  const otherNode = server.nodeId !== null && server.nodeId !== nodeId
  const otherName = position.serverName !== null && position.serverName !== server.name
  if (!otherNode && !otherName) return
  throw wrong(`the snapshot is for slave ${server.name}, not for this database`, 'Apply it there.')
}

function refuseOtherPosition(header: TransferHeader, { position }: FileTarget): void {
  const now = position.position
  const keyed = header.script !== undefined || header.tables.some((table) => table.mode !== 'copy')
  if (keyed && header.from !== null && (now === null || !includes(now, header.from))) {
    throw wrong(
      `the snapshot continues from a position that this slave has not reached (it is at sync id ${position.syncId ?? 'none'})`,
      'Apply the earlier snapshot files first, in the order in which they were prepared.',
    )
  }
  const given = header.given.some(({ syncId, token }) => syncId === position.syncId && token === position.token)
  if (keyed && position.syncId !== null && !given) throw fromOtherTime(position)
  if (now !== null && !includes(header.to, now)) {
    throw wrong('the slave has already seen changes that the snapshot lacks', 'Prepare a new snapshot.')
  }
}

function fromOtherTime({ syncId }: SlavePosition): RservError {
  return wrong(
    `sync id ${syncId} of the slave is not one that this master gave it, or one before the last that it confirmed: ` +
      `one of the two was restored to an earlier time`,
    'Prepare a snapshot that holds all tables whole: rserv prepare-snapshot … --copy TABLE.',
  )
}

function refuseTableState(header: TransferHeader, registered: SlaveTable): void {
  const name = displayName(registered.table)
  const carried = header.tables.find((table) => sameName(table.table, registered.table))
  const hint = `Prepare a snapshot with it: rserv prepare-snapshot … --copy ${name}`
  if (!carried) {
    if (registered.state !== 'synced' || registered.origin !== header.origin) return
    throw wrong(`the snapshot lacks table ${name}, which this slave takes`, hint)
  }
  if (carried.mode !== 'copy' && ['new', 'copied'].includes(registered.state)) {
    throw wrong(`table ${name} is not filled yet, and the snapshot holds only its changes`, hint)
  }
  if (carried.mode !== 'copy' && registered.origin !== null && registered.origin !== header.origin) {
    throw wrong(`table ${name} comes from another master`, 'Apply snapshots of that master.')
  }
}

function wrong(message: string, hint: string): RservError {
  return new RservError('WRONG_SNAPSHOT', `${message}; nothing was applied`, { side: 'slave', hint })
}
