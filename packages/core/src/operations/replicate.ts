import type { ClientConfig } from 'pg'
import { refuseDetached } from '../acknowledge/refuse-detached.ts'
import type { KnownServer } from '../acknowledge/servers.ts'
import { analyzeCopied } from '../apply/analyze-copied.ts'
import { applyTransfer } from '../apply/apply-transfer.ts'
import type { TableResult } from '../apply/results.ts'
import type { SlavePosition } from '../apply/slave-position.ts'
import { lockPosition } from '../apply/slave-position.ts'
import { dropKept } from '../ddl/keep-rows.ts'
import { summarizeChanged } from '../log/summarize.ts'
import { openSession } from '../database/session.ts'
import { begin, inTransaction, rollback } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { Flow } from '../shared/flow.ts'
import type { QualifiedName } from '../shared/names.ts'
import { beginLiveTransfer } from '../transfer/live-transfer.ts'
import { copyApart } from './copy/copy-apart.ts'
import { CopyPool } from './copy/copy-pool.ts'
import { commitTransfer } from './commit-transfer.ts'
import { confirmApplied } from './confirm-applied.ts'
import { keepSequences } from './keep-sequences.ts'
import type { ScriptPlan } from './ddl/plan-script.ts'
import { beginScript } from './ddl/plan-script.ts'
import type { Link } from './link.ts'
import { connect } from './link.ts'
import { Recorder } from './recorder.ts'
import type { DuePlan } from './plan.ts'
import { planTransfer } from './plan-transfer.ts'
import type { SlaveIdentity } from './register-server.ts'
import { findSlave, registerSlave } from './register-server.ts'
import { tellBehind } from './behind.ts'
import { refuseReplaced } from './refuse-replaced.ts'
import { sumTransfers } from './sum-transfers.ts'

export interface ReplicateOptions extends CommonOptions {
  /** Name under which the master registers a new slave; default the slave database's name. */
  server?: string | undefined
  /** New tables that are copied at once; default 4. */
  jobs?: number | undefined
  /**
   * New tables of so many bytes together, the smallest first, are copied inside the transfer; all others apart before it,
   * each in a transaction of its own; default 16 MiB.
   */
  withinBytes?: number | undefined
}

/** What `follow` says more. */
export interface TransferOptions extends ReplicateOptions {
  /** Which parked tables to try; default all. */
  tries?: ((table: QualifiedName) => boolean) | undefined
  /** Id of a script that the slave notes without running it. */
  skipScript?: string | undefined
  /** Which tables are being copied apart, and are none of this transfer's; default none. */
  apart?: ((table: QualifiedName) => boolean) | undefined
  /** Holds rows back. */
  flow?: Flow | undefined
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
 * yet are copied: small ones with it, large ones before, each in a transaction of its own. Registers the slave at its
 * first run.
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
    const result = await transferAll(link, { master, slave }, options)
    await recorder.succeeded(link, result)
    return result
  } catch (error) {
    // Also while it connects.
    const failure = options.signal?.aborted ? cancelled(error) : error
    recorder.failed(failure)
    throw failure
  }
}

/**
 * Each script that the slave has to run ends a transfer; the last one goes to the current state. Large new tables are copied
 * before it.
 */
export async function transferAll(
  link: Link,
  sides: { master: ClientConfig; slave: ClientConfig },
  options: TransferOptions,
): Promise<TransferResult> {
  const started = performance.now()
  const copied: TableResult[] = []
  const done: TransferResult[] = []
  await using pool = new CopyPool(sides, options)
  for (;;) {
    const more = await copyApart(link, pool, options)
    copied.push(...(more ?? []))
    if (more) continue
    const result = await transferOnce(link, sides.slave, options)
    done.push(result)
    if (result.scripts.length > 0) continue
    await pool.settled()
    return withCopies(sumTransfers(done, result), copied, started)
  }
}

function withCopies(result: TransferResult, copied: readonly TableResult[], started: number): TransferResult {
  if (copied.length === 0) return result
  const bytes = copied.reduce((sum, table) => sum + table.bytes, result.bytes)
  const elapsedMs = Math.round(performance.now() - started)
  return { ...result, tables: [...copied, ...result.tables], bytes, elapsedMs }
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

async function attemptTransfer(
  link: Link,
  slave: ClientConfig,
  options: TransferOptions & { readonly refresh: boolean },
): Promise<TransferResult> {
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
  const tables = await applyTransfer(slave, moving, {
    accepts: () => true,
    onEvent: options.onEvent,
    flow: options.flow,
  })
  const { syncId, token } = moving.header
  await commitTransfer(slave, { config, origin: node.nodeId, token })
  await confirmApplied(master, syncId, options)
  master.reach('acknowledge.confirmed')
  if (moving.header.script) await inTransaction(master, () => dropKept(master))
  await summarizeChanged(master, moving.header.tables)
  if (link.slaveNode.keepsLog) await tellBehind(link)
  await analyzeCopied(slave, tables)
  return { syncId, tables, scripts: moving.header.script ? [moving.header.script.id] : [] }
}
