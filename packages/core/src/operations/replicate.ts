import type { ClientConfig } from 'pg'
import { checkPosition } from '../acknowledge/check-position.ts'
import { CONFIRM_TIMEOUT_MS, confirmSync } from '../acknowledge/confirm.ts'
import { refuseDetached } from '../acknowledge/refuse-detached.ts'
import type { KnownServer } from '../acknowledge/servers.ts'
import { analyzeCopied } from '../apply/analyze-copied.ts'
import { applyTransfer } from '../apply/apply-transfer.ts'
import type { TableResult } from '../apply/results.ts'
import type { SlavePosition } from '../apply/slave-position.ts'
import { lockPosition } from '../apply/slave-position.ts'
import { allSynced, listSlaveTables } from '../apply/slave-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { activeTables } from '../changes/active-tables.ts'
import { anythingChanged } from '../changes/changed-tables.ts'
import { nobodyWroteSince } from '../changes/nobody-wrote.ts'
import { checkSource, findSuspects } from '../changes/check-source.ts'
import { dropKept } from '../ddl/keep-rows.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { begin, inTransaction, rollback } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { ofTable } from '../shared/of-table.ts'
import { beginLiveTransfer } from '../transfer/live-transfer.ts'
import { commitTransfer } from './commit-transfer.ts'
import { keepSequences } from './keep-sequences.ts'
import type { ScriptPlan } from './ddl/plan-script.ts'
import { beginScript, planScript } from './ddl/plan-script.ts'
import type { Link } from './link.ts'
import { connect } from './link.ts'
import { Recorder } from './recorder.ts'
import type { DuePlan, Plan } from './plan.ts'
import { planForSlave } from './plan.ts'
import type { SlaveIdentity } from './register-server.ts'
import { findSlave, registerSlave } from './register-server.ts'
import { tellBehind } from './behind.ts'
import { refuseReplaced } from './refuse-replaced.ts'
import { refreshTable } from './refresh-table.ts'
import { sumTransfers } from './sum-transfers.ts'

export interface ReplicateOptions extends CommonOptions {
  /** Name under which the master registers a new slave; default the slave database's name. */
  server?: string | undefined
}

/** What `follow` says more. */
export interface TransferOptions extends ReplicateOptions {
  /** Which parked tables to try; default all. */
  tries?: ((table: QualifiedName) => boolean) | undefined
  /** Id of a script that the slave notes without running it. */
  skipScript?: string | undefined
}

export interface TransferResult {
  readonly outcome: 'applied' | 'in-sync' | 'already-applied'
  /** Sync id that the slave is at, decimal text; null when it never applied one. */
  readonly syncId: string | null
  /** The slave's name on the master. */
  readonly server: string
  readonly tables: readonly TableResult[]
  /** Ids of the scripts of `ddl` that the slave ran on the way. */
  readonly scripts: readonly string[]
  /** Bytes of row data. */
  readonly bytes: number
  /** Milliseconds. */
  readonly elapsedMs: number
}

/**
 * Brings a slave to the master's current state: one snapshot, one transaction, all tables. Tables that are not filled
 * yet are copied. Registers the slave at its first run.
 * @throws RservError
 */
export async function replicate(
  master: ClientConfig,
  slave: ClientConfig,
  options: ReplicateOptions = {},
): Promise<TransferResult> {
  await using recorder = new Recorder(master, slave, options)
  try {
    await using masterSession = await openSession(master, 'master', options)
    await using slaveSession = await openSession(slave, 'slave', options)
    const link = await connect(masterSession, slaveSession)
    recorder.connected(link)
    const result = await transferAll(link, slave, options)
    await recorder.succeeded(link, result)
    return result
  } catch (error) {
    // Also while it connects.
    const failure = options.signal?.aborted ? cancelled(error) : error
    recorder.failed(failure)
    throw failure
  }
}

/** Each script that the slave has to run ends a transfer; the last one goes to the current state. */
export async function transferAll(link: Link, slave: ClientConfig, options: TransferOptions): Promise<TransferResult> {
  const done: TransferResult[] = []
  for (;;) {
    const result = await transferOnce(link, slave, options)
    done.push(result)
    if (result.scripts.length === 0) return sumTransfers(done, result)
  }
}

/** Attempts at a transfer between which DDL comes. */
const ATTEMPTS = 5

/** One transfer over connections that are open, and stay open unless it fails in the middle of a COPY. */
export async function transferOnce(link: Link, slave: ClientConfig, options: TransferOptions): Promise<TransferResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptTransfer(link, slave, { ...options, refresh: attempt > 1 })
    } catch (error) {
      const altered = error instanceof RservError && error.code === 'ALTERED'
      if (!altered || attempt === ATTEMPTS) throw error
    }
  }
}

interface AttemptOptions extends TransferOptions {
  /** Look for DDL on the master before the transfer; else it is only met there, and the attempt fails with ALTERED. */
  readonly refresh: boolean
}

async function attemptTransfer(link: Link, slave: ClientConfig, options: AttemptOptions): Promise<TransferResult> {
  const started = performance.now()
  const { master, slave: slaveSession } = link
  await begin(slaveSession)
  try {
    const position = await lockPosition(slaveSession, link.node.nodeId)
    const known = await inTransaction(master, async () => {
      await refuseReplaced(link)
      return findSlave(master, link.slaveNode.nodeId, position)
    })
    refuseDetached(known, { master: master.database, slave: slaveSession.database })
    const plan = await planTransfer(link, known, position, options)
    if (!plan) {
      await keepSequences(link, position.syncId === null ? null : known)
      const server = known?.name ?? options.server ?? slaveSession.database
      return summary('in-sync', { server, syncId: position.syncId, tables: [], scripts: [], started })
    }
    master.reach('changes.planned')
    const server = await registerSlave(master, slaveOf(link), { known, wanted: options.server })
    master.reach('acknowledge.registered')
    const done = await transfer(link, plan, { server, position, slave, options })
    return summary('applied', { server: server.name, ...done, started })
  } catch (error) {
    await rollback(slaveSession)
    await rollback(master)
    throw options.signal?.aborted ? cancelled(error) : error
  }
}

function summary(
  outcome: TransferResult['outcome'],
  {
    server,
    syncId,
    tables,
    scripts,
    started,
  }: Omit<TransferResult, 'outcome' | 'bytes' | 'elapsedMs'> & { started: number },
): TransferResult {
  const bytes = tables.reduce((sum, table) => sum + table.bytes, 0)
  return {
    outcome,
    syncId,
    server,
    tables,
    scripts,
    bytes,
    elapsedMs: Math.round(performance.now() - started),
  }
}

export function cancelled(cause: unknown): RservError {
  return new RservError('CANCELLED', 'cancelled; nothing was applied', { cause })
}

function slaveOf({ slave, slaveNode }: Link): SlaveIdentity {
  return { nodeId: slaveNode.nodeId, database: slave.database }
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
async function planTransfer(
  { master, slave, node }: Link,
  known: KnownServer | null,
  position: SlavePosition,
  options: AttemptOptions,
): Promise<DuePlan | ScriptPlan | null> {
  if (await isIdle({ master, slave, node }, known, position)) return null
  const registered = await listSlaveTables(slave)
  const slaveTables = registered.filter(({ table, parked }) => parked === null || (options.tries?.(table) ?? true))
  if (registered.length === 0) {
    options.onEvent?.({
      kind: 'notice',
      message: `no table is registered on slave ${slave.database}: rserv slave-add-table`,
    })
  }
  const names = { master: master.database, slave: slave.database }
  await inTransaction(master, () => checkPosition(master, known, { ...position, database: slave.database }))
  // The last confirmation may have been cut off.
  if (position.syncId !== null && position.syncId !== known?.syncId) await confirm(master, position.syncId, options)
  master.reach('changes.confirmed')
  const script = await planScript({ master, slave, node }, known, position)
  if (script) return script
  return await inTransaction(master, async () => {
    const plan = planForSlave(await listReplicated(master), slaveTables, position.position, {
      nodeId: node.nodeId,
      ...names,
    })
    const due = await duePlan(master, plan)
    if (due && !options.refresh) return { ...due, refreshed: false }
    const refreshed = await refreshSuspects(master, plan, slave.database)
    return refreshed ? duePlan(master, plan) : due
  })
}

/** Null where there is nothing to transfer. */
async function duePlan(master: Session, plan: Plan): Promise<DuePlan | null> {
  const guess = await activeTables(master, plan.wanted)
  return (await anythingChanged(master, plan.wanted, guess)) ? { ...plan, guess, refreshed: true } : null
}

/** Notices DDL; false where there was none. */
async function refreshSuspects(master: Session, { tables }: Plan, slave: string): Promise<boolean> {
  const suspects = await findSuspects(master, tables)
  for (const table of suspects) {
    await ofTable(table.table, async () => refreshTable(master, table, await checkSource(master, table, slave)))
  }
  return suspects.length > 0
}

interface Move {
  readonly server: KnownServer
  readonly position: SlavePosition
  readonly slave: ClientConfig
  readonly options: TransferOptions
}

async function transfer(
  link: Link,
  plan: DuePlan | ScriptPlan,
  { server, position, slave: config, options }: Move,
): Promise<{ syncId: string; tables: TableResult[]; scripts: string[] }> {
  const { master, slave, node } = link
  const moving =
    'script' in plan
      ? await beginScript(link, plan, { server, position, skip: options.skipScript })
      : await beginLiveTransfer(master, {
          node,
          server,
          slave: slave.database,
          from: position.position,
          scripts: { lastScript: '0', ran: position.ran },
          ...plan,
        })
  const tables = await applyTransfer(slave, moving, { accepts: () => true, onEvent: options.onEvent })
  const { syncId, token } = moving.header
  await commitTransfer(slave, { config, origin: node.nodeId, token })
  await confirm(master, syncId, options)
  master.reach('acknowledge.confirmed')
  if (moving.header.script) await inTransaction(master, () => dropKept(master))
  if (link.slaveNode.keepsLog) await tellBehind(link)
  await analyzeCopied(slave, tables)
  return { syncId, tables, scripts: moving.header.script ? [moving.header.script.id] : [] }
}

/** Tells the master how far the slave is. Where that fails the slave has it still, and says so at the next run. */
async function confirm(master: Session, syncId: string, options: CommonOptions): Promise<void> {
  const work = (): Promise<unknown> => confirmSync(master, syncId)
  await inTransaction(master, work, { lockTimeoutMs: CONFIRM_TIMEOUT_MS }).catch((error: unknown) => {
    options.onEvent?.({ kind: 'notice', message: `applied, but not registered with the master: ${String(error)}` })
  })
}
