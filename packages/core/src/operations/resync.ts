import type { ClientConfig } from 'pg'
import { lockBetweenTransfers } from '../apply/slave-position.ts'
import type { SlaveTable } from '../apply/slave-tables.ts'
import { listSlaveTables, markNew } from '../apply/slave-tables.ts'
import type { BackendResolver } from '../capture/contract.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { checkSource } from '../changes/check-source.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import type { LockRetry } from '../database/transaction.ts'
import { inTransaction } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, sameName } from '../shared/names.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { Link } from './link.ts'
import { connect } from './link.ts'
import { recapture } from './recapture.ts'
import { selectRegistered } from './select-registered.ts'

export interface ResyncOptions extends CommonOptions, Pick<LockRetry, 'attempts' | 'lockTimeoutMs'> {
  /** Names and patterns as typed; default the whole slave. */
  tables?: string[] | undefined
  /** The slave is a copy of another slave's database: it gets an identity of its own. Only for a whole slave. */
  clone?: boolean | undefined
  backends: BackendResolver
}

export interface ResyncedTable {
  readonly table: QualifiedName
  /** The capture on the master was broken and was installed anew: the table's other slaves must be resynced too. */
  readonly recaptured: boolean
}

export interface ResyncResult {
  /** Names of the two databases. */
  readonly master: string
  readonly slave: string
  /** uuid of the slave database, a new one for a clone. */
  readonly nodeId: string
  /** Tables that the next transfer copies. */
  readonly tables: readonly ResyncedTable[]
}

/**
 * Marks tables, or a whole slave with its position, for a fresh copy by the next transfer. Rows of the slave stay until
 * then, and the application goes on writing. Where the capture on the master is broken it is installed anew.
 * @throws RservError BUSY, NOT_REPLICATED, BAD_ARGUMENT, LOCK_TIMEOUT, NOT_INITIALISED, WRONG_ROLE, SAME_NODE, …
 */
export async function resync(master: ClientConfig, slave: ClientConfig, options: ResyncOptions): Promise<ResyncResult> {
  const whole = !options.tables?.length
  if (options.clone && !whole) {
    throw new RservError('BAD_ARGUMENT', 'a clone starts anew as a whole', { hint: 'Name no tables with --clone.' })
  }
  await using masterSession = await openSession(master, 'master', options)
  await using slaveSession = await openSession(slave, 'slave', options)
  const link = await connect(masterSession, slaveSession)
  const mark = async (): Promise<ResyncResult> => {
    // Holds any replicator off until the marks are committed.
    await lockBetweenTransfers(slaveSession, link.node.nodeId)
    const chosen = await choose(link, options)
    const tables: ResyncedTable[] = []
    for (const table of chosen) {
      tables.push({ table: table.table, recaptured: await repairCapture(link, table, options) })
      await markNew(slaveSession, table.table)
    }
    if (options.clone) await becomeAnother(slaveSession)
    else if (whole) {
      await attach(masterSession, link.slaveNode.nodeId)
      await forgetPosition(slaveSession, link.node.nodeId)
    }
    const row = await slaveSession.row('select node_id from rserv.node')
    return { master: masterSession.database, slave: slaveSession.database, nodeId: row?.['node_id'] ?? '', tables }
  }
  const { attempts = 30, lockTimeoutMs = 1000 } = options
  return await inTransaction(slaveSession, mark, { lockTimeoutMs: attempts * lockTimeoutMs })
}

/** The captured tables that are meant. A named one is taken over, whatever master it came from. */
async function choose({ master, slave, node }: Link, options: ResyncOptions): Promise<ReplicatedTable[]> {
  const registered = await listSlaveTables(slave)
  const captured = await inTransaction(master, () => listReplicated(master))
  if (options.tables?.length) {
    const named = selectRegistered(registered, { tables: options.tables }, { session: slave })
    return named.map((table) => find(captured, table) ?? notCaptured(master, table))
  }
  const own = registered.filter(({ origin }) => origin === null || origin === node.nodeId)
  for (const { table } of own.filter((candidate) => !find(captured, candidate)))
    options.onEvent?.({ kind: 'notice', message: `${displayName(table)} is not captured on the master: left alone` })
  const others = registered.length - own.length
  if (others > 0) {
    const message = `${others} tables come from another master: left alone; name them to take them over`
    options.onEvent?.({ kind: 'notice', message })
  }
  return own.flatMap((table) => find(captured, table) ?? [])
}

function find(captured: readonly ReplicatedTable[], { table }: SlaveTable): ReplicatedTable | undefined {
  return captured.find((candidate) => sameName(candidate.table, table))
}

function notCaptured(master: Session, { table }: SlaveTable): never {
  const name = displayName(table)
  throw new RservError('NOT_REPLICATED', `the master does not capture table ${name}`, {
    side: 'master',
    hint: `Run first: rserv master-add-table ${shellWord(master.database)} ${shellWord(name)}`,
  })
}

async function repairCapture(
  { master, slave }: Link,
  table: ReplicatedTable,
  options: ResyncOptions,
): Promise<boolean> {
  if (await inTransaction(master, () => isCaptured(master, table, slave.database))) return false
  options.onEvent?.({ kind: 'notice', message: `${displayName(table.table)}: captured anew`, table: table.table })
  const { attempts, lockTimeoutMs, backends } = options
  await recapture(master, table, { attempts, lockTimeoutMs, backends })
  return true
}

async function isCaptured(master: Session, table: ReplicatedTable, slave: string): Promise<boolean> {
  try {
    await checkSource(master, table, slave)
    return true
  } catch (error) {
    if (error instanceof RservError && error.code === 'CAPTURE_BROKEN') return false
    throw error
  }
}

/** The log is kept for the slave again, from before its copy on. */
async function attach(master: Session, nodeId: string): Promise<void> {
  await inTransaction(master, () =>
    master.run('update rserv.server set detached_at = null, detached_why = null where node_id = $1', [nodeId]),
  )
}

/** The name by which files are addressed to this slave stays. */
async function forgetPosition(slave: Session, origin: string): Promise<void> {
  await slave.run(
    'update rserv.slave_sync set sync_id = null, position = null, token = null, applied_at = null where origin = $1',
    [origin],
  )
}

/** Its positions are those of the original, which goes on under the old identity: no master may mix the two up. */
async function becomeAnother(slave: Session): Promise<void> {
  await slave.run('update rserv.node set node_id = pg_catalog.gen_random_uuid()')
  await slave.run(`update rserv.slave_table set state = 'new'`)
  await slave.run('delete from rserv.slave_sync')
}
