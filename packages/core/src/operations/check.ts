import type { ClientConfig } from 'pg'
import { listServers } from '../acknowledge/servers.ts'
import type { BackendResolver } from '../capture/contract.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { checkCounters, checkReplicaRole, checkSubscriptions } from '../check/bypass.ts'
import { checkCapture } from '../check/capture.ts'
import type { CheckLimits, Finding } from '../check/finding.ts'
import { DEFAULT_LIMITS, finding } from '../check/finding.ts'
import { checkLogSize, checkPrepared, checkSilent, checkTaken, checkTransactions } from '../check/held-log.ts'
import { checkLogPrivileges, checkTablePrivileges } from '../check/privileges.ts'
import { checkNode } from '../check/schema-version.ts'
import { checkSourceTable } from '../check/source-table.ts'
import { checkScripts } from '../check/waiting-scripts.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { begin, rollback } from '../database/transaction.ts'
import type { Side } from '../shared/errors.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { displayName } from '../shared/names.ts'
import { captureOf } from './capture-of.ts'
import type { CheckedMaster } from './check-slave.ts'
import { checkSlave } from './check-slave.ts'

export interface CheckOptions extends CommonOptions {
  /** From when on something is worth a warning; defaults: transactions 600 s, logs 1 GiB, silent slaves 86400 s. */
  limits?: Partial<CheckLimits> | undefined
  backends: BackendResolver
}

export interface CheckResult {
  /** The master's database. */
  readonly master: string
  readonly slaves: readonly string[]
  /** Problems first. */
  readonly findings: readonly Finding[]
  readonly problems: number
  readonly warnings: number
}

const LOCK_TIMEOUT_MS = 5000

/**
 * Looks for everything that stands against replication, on the master and on each slave given. Changes nothing: what it
 * tries is rolled back. A server that cannot be reached is a finding.
 * @throws RservError CANCELLED, LOCK_TIMEOUT
 */
export async function check(
  master: ClientConfig,
  slaves: readonly ClientConfig[],
  options: CheckOptions,
): Promise<CheckResult> {
  const names = slaves.map(({ database }) => database ?? '')
  const findings: Finding[] = []
  await reach(master, { side: 'master', options, findings }, async (session) => {
    const checked = await checkMaster(session, names[0] ?? 'SLAVE', options)
    findings.push(...checked.findings)
    for (const slave of slaves) {
      await reach(slave, { side: 'slave', options, findings }, async (slaveSession) => {
        findings.push(...(await checkSlave(session, slaveSession, checked)))
      })
    }
  })
  const order = ['problem', 'warning', 'note']
  const count = (severity: string): number => findings.filter((found) => found.severity === severity).length
  return {
    master: master.database ?? '',
    slaves: names,
    findings: findings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity)),
    problems: count('problem'),
    warnings: count('warning'),
  }
}

interface Reach {
  readonly side: Side
  readonly options: CheckOptions
  readonly findings: Finding[]
}

/** Runs `work` on a connection in a transaction that is rolled back. */
async function reach(
  config: ClientConfig,
  { side, options, findings }: Reach,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  let session: Session
  try {
    session = await openSession(config, side, options)
  } catch (error) {
    if (options.signal?.aborted) throw cancelled(error)
    if (!(error instanceof RservError)) throw error
    const where = { session: { side, database: config.database ?? '' } }
    findings.push(finding('unreachable', where, error.message, error.hint ?? 'Check the connection parameters.'))
    return
  }
  await using open = session
  try {
    await begin(open, { isolation: 'read committed', lockTimeoutMs: LOCK_TIMEOUT_MS })
    await work(open)
    await rollback(open)
  } catch (error) {
    throw options.signal?.aborted ? cancelled(error) : error
  }
}

function cancelled(cause: unknown): RservError {
  return new RservError('CANCELLED', 'cancelled; nothing was changed', { cause })
}

async function checkMaster(session: Session, slave: string, options: CheckOptions): Promise<CheckedMaster> {
  const node = await checkNode(session, 'master')
  if ('code' in node) return { node: null, findings: [node], captured: [], sources: new Map() }
  const access = await checkLogPrivileges(session)
  if (access.length > 0) return { node: null, findings: access, captured: [], sources: new Map() }
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const captured = await listReplicated(session)
  const servers = await listServers(session)
  const sources = new Map<number, TableDescription>()
  const findings = [
    ...(await checkReplicaRole(session)),
    ...(await checkSubscriptions(session, captured)),
    ...(await checkTransactions(session, limits)),
    ...(await checkPrepared(session, limits)),
    ...(await checkLogSize(session, captured, { servers, limits })),
    ...(await checkSilent(session, servers, limits)),
    ...(await checkScripts(session, servers)),
    ...checkTaken(session, captured, servers),
  ]
  for (const table of captured) {
    options.onEvent?.({ kind: 'progress', message: `checking ${displayName(table.table)}`, table: table.table })
    findings.push(...(await checkTable(session, { table, slave, sources }, options.backends)))
  }
  return { node, findings, captured, sources }
}

interface Captured {
  readonly table: ReplicatedTable
  readonly slave: string
  readonly sources: Map<number, TableDescription>
}

async function checkTable(
  session: Session,
  { table, slave, sources }: Captured,
  backends: BackendResolver,
): Promise<Finding[]> {
  const { description, findings } = await checkSourceTable(session, table, slave)
  if (!description) return [...findings]
  sources.set(table.tableId, description)
  const found = [...findings, ...(await checkTablePrivileges(session, description))]
  // Without its key the backend cannot say what it would make, nor a twin be made of what is no table.
  const keyless = found.some(({ code }) => ['key-column-changed', 'key-index-missing', 'privilege'].includes(code))
  if (!keyless && ['r', 'p'].includes(description.kind)) {
    found.push(...(await checkUnmoved(session, { table, description, slave }, backends)))
  }
  return [...found, ...(await checkCounters(session, table, slave))]
}

/** CleanLog may have pointed the functions at the other log meanwhile: then they are compared again. */
async function checkUnmoved(
  session: Session,
  { table, description, slave }: { table: ReplicatedTable; description: TableDescription; slave: string },
  backends: BackendResolver,
): Promise<Finding[]> {
  for (let known = table; ;) {
    const capture = captureOf(known, description)
    const found = await checkCapture(session, { table: known, capture, slave }, backends)
    const now = (await listReplicated(session)).find(({ tableId }) => tableId === table.tableId)
    if (found.length === 0 || !now || now.generation === known.generation) return found
    known = now
  }
}
