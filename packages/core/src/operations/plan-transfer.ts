import { checkPosition } from '../acknowledge/check-position.ts'
import type { HeldCopy } from '../acknowledge/copies.ts'
import { listCopies, releaseOthers } from '../acknowledge/copies.ts'
import { refuseOtherMaster } from '../acknowledge/refuse-other-master.ts'
import type { KnownServer } from '../acknowledge/servers.ts'
import type { SlavePosition } from '../apply/slave-position.ts'
import type { SlaveTable } from '../apply/slave-tables.ts'
import { allSynced, listSlaveTables } from '../apply/slave-tables.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { activeTables } from '../changes/active-tables.ts'
import { anythingChanged } from '../changes/changed-tables.ts'
import { checkSource, findSuspects } from '../changes/check-source.ts'
import { nobodyWroteSince } from '../changes/nobody-wrote.ts'
import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { sameName } from '../shared/names.ts'
import { ofTable } from '../shared/of-table.ts'
import { confirmApplied } from './confirm-applied.ts'
import type { ScriptPlan } from './ddl/plan-script.ts'
import { planScript } from './ddl/plan-script.ts'
import type { Link } from './link.ts'
import type { DuePlan, Plan } from './plan.ts'
import { planForSlave } from './plan.ts'
import { refreshTable } from './refresh-table.ts'

export interface PlanOptions extends CommonOptions {
  /** Which parked tables to try; default all. */
  readonly tries?: ((table: QualifiedName) => boolean) | undefined
  /** Which tables are being copied apart; default none. */
  readonly apart?: ((table: QualifiedName) => boolean) | undefined
  /** Look for DDL on the master before the transfer; else it is only met there, and the attempt fails with ALTERED. */
  readonly refresh: boolean
}

/** Has nothing happened since the slave confirmed its position? Does not look at the tables, however many there are. */
async function isIdle(
  { master, slave, node }: Pick<Link, 'master' | 'slave' | 'node'>,
  known: KnownServer | null,
  { syncId, position, token }: SlavePosition,
): Promise<boolean> {
  if (syncId === null || position === null || known?.syncId !== syncId) return false
  if (!(await allSynced(slave, node.nodeId))) return false
  return inTransaction(master, async () => {
    await checkPosition(master, known, { syncId, position, token, database: slave.database })
    return nobodyWroteSince(master, position, syncId)
  })
}

/** Null when the slave is in sync. */
export async function planTransfer(
  { master, slave, node }: Link,
  known: KnownServer | null,
  position: SlavePosition,
  options: PlanOptions,
): Promise<DuePlan | ScriptPlan | null> {
  if (await isIdle({ master, slave, node }, known, position)) return null
  const registered = await listSlaveTables(slave)
  const slaveTables = registered.filter(
    ({ table, parked }) => !options.apart?.(table) && (parked === null || (options.tries?.(table) ?? true)),
  )
  if (registered.length === 0) {
    options.onEvent?.({
      kind: 'notice',
      message: `no table is registered on slave ${slave.database}: rserv slave-add-table`,
    })
  }
  const names = { master: master.database, slave: slave.database }
  await inTransaction(master, async () => {
    await refuseOtherMaster(master, node, { database: slave.database, tables: registered })
    await checkPosition(master, known, { ...position, database: slave.database })
  })
  // The last confirmation may have been cut off.
  if (position.syncId !== null && position.syncId !== known?.syncId)
    await confirmApplied(master, position.syncId, options)
  master.reach('changes.confirmed')
  const script = await planScript({ master, slave, node }, known, position)
  if (script) return script
  return await inTransaction(master, async () => {
    const captured = await listReplicated(master)
    const copies = known ? await copiesOf(master, { known, captured, registered }) : new Map<number, HeldCopy>()
    const plan = planForSlave(captured, slaveTables, position.position, { nodeId: node.nodeId, copies, ...names })
    const due = await duePlan(master, plan)
    if (due && !options.refresh) return { ...due, refreshed: false }
    const refreshed = await refreshSuspects(master, plan, slave.database)
    return refreshed ? duePlan(master, plan) : due
  })
}

/** The slave's copies; those of tables that it does not want any more, or holds already, are let go. */
async function copiesOf(
  master: Session,
  { known, captured, registered }: { known: KnownServer; captured: ReplicatedTable[]; registered: SlaveTable[] },
): Promise<ReadonlyMap<number, HeldCopy>> {
  const copies = await listCopies(master, known.id)
  if (copies.size === 0) return copies
  const open = registered.filter(({ state }) => state === 'new' || state === 'copied')
  const held = captured.filter(({ table }) => open.some((other) => sameName(other.table, table)))
  await releaseOthers(
    master,
    known.id,
    held.map(({ tableId }) => tableId),
  )
  return copies
}

/** Null where there is nothing to transfer. */
async function duePlan(master: Session, plan: Plan): Promise<DuePlan | null> {
  const guess = await activeTables(master, plan.wanted)
  return plan.joins || (await anythingChanged(master, plan.wanted, guess)) ? { ...plan, guess, refreshed: true } : null
}

/** Notices DDL; false where there was none. */
async function refreshSuspects(master: Session, { tables }: Plan, slave: string): Promise<boolean> {
  const suspects = await findSuspects(master, tables)
  for (const table of suspects) {
    await ofTable(table.table, async () => refreshTable(master, table, await checkSource(master, table, slave)))
  }
  return suspects.length > 0
}
