import { listCopies } from '../../acknowledge/copies.ts'
import { refuseDetached } from '../../acknowledge/refuse-detached.ts'
import { becomeReplica } from '../../apply/replica-role.ts'
import { readPosition } from '../../apply/slave-position.ts'
import type { SlaveTable } from '../../apply/slave-tables.ts'
import { forgetCopy, listUnjoined } from '../../apply/slave-tables.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { listReplicated } from '../../capture/replicated-tables.ts'
import type { Session } from '../../database/session.ts'
import { inTransaction, rollback, begin } from '../../database/transaction.ts'
import type { CommonOptions } from '../../shared/events.ts'
import type { QualifiedName } from '../../shared/names.ts'
import { displayName, sameName } from '../../shared/names.ts'
import type { TableSize } from '../../transfer/table-size.ts'
import { sizesOf } from '../../transfer/table-size.ts'
import { awaitsScript } from '../ddl/plan-script.ts'
import type { Link } from '../link.ts'
import { isGoodCopy } from '../plan.ts'
import { refuseReplaced } from '../refuse-replaced.ts'
import { findSlave, registerSlave } from '../register-server.ts'

/**
 * Bytes on the master up to which new tables, the smallest first, are copied inside the next ordinary transfer; all others
 * are copied apart (docs/decisions/0041-copies-apart.md has the figures).
 */
const WITHIN_BYTES = 16 * 1024 * 1024

export interface ApartOptions extends CommonOptions {
  /** Name under which the master registers a new slave. */
  readonly server?: string | undefined
  /** Which parked tables to try; default all. */
  readonly tries?: ((table: QualifiedName) => boolean) | undefined
  /** Total bytes of new tables that an ordinary transfer copies; default 16 MiB. */
  readonly withinBytes?: number | undefined
}

/** A table to be copied apart. */
export interface CopyJob {
  readonly table: ReplicatedTable
  /** The slave on the master. */
  readonly serverId: number
  readonly size: TableSize
}

/**
 * The tables that are to be copied apart. Small ones are left to the next ordinary transfer; so are all where the role may
 * not set session_replication_role, because foreign keys would then be checked between tables of different moments, and
 * where slaves feed slaves.
 * A copy that cannot be joined any more is to be made again.
 * @param taken tables that somebody copies already
 * @throws RservError DETACHED
 */
export async function chooseApart(
  link: Link,
  taken: (table: QualifiedName) => boolean,
  options: ApartOptions,
): Promise<CopyJob[]> {
  const { master, slave, node, slaveNode } = link
  // One that keeps a log may be feeding others, which know no table between two moments; nor has one that is fed itself
  // transactions of its own that every position of its master names.
  if (slaveNode.keepsLog || !node.isMaster) return []
  const unjoined = await listUnjoined(slave)
  const own = unjoined.filter(({ table, origin }) => (origin === null || origin === node.nodeId) && !taken(table))
  const waiting = own.filter(({ table, parked }) => parked === null || (options.tries?.(table) ?? true))
  if (waiting.length === 0) return []
  const position = await inTransaction(slave, () => readPosition(slave, node.nodeId))
  const { known, captured, fresh, spoilt } = await inTransaction(master, async () => {
    await refuseReplaced(link)
    const server = await findSlave(master, slaveNode.nodeId, position)
    return { known: server, ...(await sortOut(master, waiting, server?.id ?? null)) }
  })
  for (const table of spoilt) await forget(slave, table, options)
  refuseDetached(known, { master: master.database, slave: slave.database })
  // A script may be what the slave's tables lack.
  if (fresh.length + spoilt.length === 0 || (await awaitsScript(master, known, position))) return []
  const due = captured.filter(({ table }) => [...fresh, ...spoilt].some((other) => sameName(other.table, table)))
  const sizes = await inTransaction(master, () => sizesOf(master, due))
  const large = largest(due, sizes, options.withinBytes ?? WITHIN_BYTES)
  if (large.length === 0 || !(await mayBecomeReplica(slave))) return []
  const identity = { nodeId: slaveNode.nodeId, database: slave.database }
  const { id } = await registerSlave(master, identity, { known, wanted: options.server })
  return large.map((table) => ({ table, serverId: id, size: sizes.get(table.tableId) ?? { rows: null, bytes: 0 } }))
}

interface Sorted {
  readonly captured: readonly ReplicatedTable[]
  readonly fresh: readonly SlaveTable[]
  /** Copied, and of no use any more. */
  readonly spoilt: readonly SlaveTable[]
}

async function sortOut(master: Session, waiting: readonly SlaveTable[], serverId: number | null): Promise<Sorted> {
  const captured = await listReplicated(master)
  const copies = serverId === null ? new Map<number, never>() : await listCopies(master, serverId)
  const spoilt = waiting.filter((table) => {
    const source = captured.find((candidate) => sameName(candidate.table, table.table))
    return table.state === 'copied' && source && !isGoodCopy(source, table, copies.get(source.tableId))
  })
  const fresh = waiting.filter(({ state, keyColumns, table }) => {
    const source = captured.find((candidate) => sameName(candidate.table, table))
    // What does not fit is for the ordinary transfer to complain about.
    return state === 'new' && source?.keyColumns.toSorted().join('\0') === keyColumns.toSorted().join('\0')
  })
  return { captured, fresh, spoilt }
}

async function forget(slave: Session, table: SlaveTable, options: CommonOptions): Promise<void> {
  await inTransaction(slave, () => forgetCopy(slave, table))
  const message = `${displayName(table.table)} was copied, but the master no longer knows that moment: it is copied again`
  options.onEvent?.({ kind: 'notice', message, table: table.table })
}

/** All but the smallest that together have at most so many bytes; the largest first. */
function largest(
  tables: readonly ReplicatedTable[],
  sizes: ReadonlyMap<number, TableSize>,
  withinBytes: number,
): ReplicatedTable[] {
  const bytes = ({ tableId }: ReplicatedTable): number => sizes.get(tableId)?.bytes ?? 0
  const ascending = tables.toSorted((a, b) => bytes(a) - bytes(b))
  let sum = 0
  return ascending.filter((table) => (sum += bytes(table)) > withinBytes).toReversed()
}

async function mayBecomeReplica(slave: Session): Promise<boolean> {
  await begin(slave)
  try {
    return await becomeReplica(slave)
  } finally {
    await rollback(slave)
  }
}
