import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import { listServers } from '../../acknowledge/servers.ts'
import type { BackendResolver } from '../../capture/contract.ts'
import { requireRole } from '../../database/node.ts'
import type { Session } from '../../database/session.ts'
import { openSession } from '../../database/session.ts'
import type { LockRetry } from '../../database/transaction.ts'
import { inTransaction } from '../../database/transaction.ts'
import { waitingScripts } from '../../ddl/script.ts'
import { RservError } from '../../shared/errors.ts'
import type { CommonOptions } from '../../shared/events.ts'
import { replicate, transferAll } from '../replicate.ts'
import { connect } from '../link.ts'
import { checksumOf, findRun, runOnMaster } from './run-on-master.ts'

export interface DdlOptions extends CommonOptions, Pick<LockRetry, 'attempts' | 'lockTimeoutMs'> {
  /** SQL statements; undefined: only the slaves are brought along. */
  script?: string | undefined
  /** Run it although the same text was run before. */
  again?: boolean | undefined
  /** Id of a script that the slaves note without running it: its changes are there already. */
  skip?: string | undefined
  /** Most milliseconds to wait, for each slave, for its other replicator, or its readers; default 60000. */
  waitMs?: number | undefined
  backends: BackendResolver
}

export interface DdlSlave {
  /** The slave's database. */
  readonly database: string
  /** `done`: it has run all scripts; `waiting`: it runs them at its next transfer. */
  readonly outcome: 'done' | 'waiting'
  /** Ids of the scripts that it ran now. */
  readonly scripts: readonly string[]
  /** Why it waits. */
  readonly error?: RservError
}

export interface DdlResult {
  /** Id of the script; null: none was given. */
  readonly script: string | null
  /** `run`: on the master, now; `was-run`: before; `none`: no script was given. */
  readonly outcome: 'run' | 'was-run' | 'none'
  readonly slaves: readonly DdlSlave[]
  /** Slaves, by their names on the master, that have still to run scripts, with these. */
  readonly waiting: readonly { readonly server: string; readonly scripts: readonly string[] }[]
}

/**
 * Runs a script on a master and brings slaves to the point where it ran, and past it: each runs the script in the
 * transaction that brings it exactly there. Slaves that are not named, or cannot be reached, do the same at their next
 * transfer, whoever makes it; none goes past it otherwise. Called again with the same script it goes on where it
 * stopped.
 * @throws RservError SCRIPT, LOCK_TIMEOUT, NO_KEY, …: nothing was changed anywhere
 */
export async function ddl(
  master: ClientConfig,
  slaves: readonly ClientConfig[],
  options: DdlOptions,
): Promise<DdlResult> {
  await using session = await openSession(master, 'master', options)
  await inTransaction(session, () => requireRole(session, 'master'))
  const { script, outcome } = await runScript(session, { master, slaves }, options)
  const done: DdlSlave[] = []
  for (const slave of slaves) done.push(await bringAlong(master, slave, options))
  session.reach('ddl.slaves-done')
  const waiting = await inTransaction(session, () => listWaiting(session))
  return { script, outcome, slaves: done, waiting }
}

async function runScript(
  session: Session,
  { master, slaves }: { master: ClientConfig; slaves: readonly ClientConfig[] },
  options: DdlOptions,
): Promise<Pick<DdlResult, 'script' | 'outcome'>> {
  const { script } = options
  if (script === undefined) return { script: null, outcome: 'none' }
  const before = await inTransaction(session, () => findRun(session, checksumOf(script)))
  if (before !== null && !options.again) return { script: before, outcome: 'was-run' }
  // What they lack at the point has to be kept for them: the less, the shorter writers wait.
  for (const slave of slaves) await catchUp(master, slave, options)
  session.reach('ddl.slaves-ready')
  return { script: await runOnMaster(session, { ...options, script }), outcome: 'run' }
}

async function catchUp(master: ClientConfig, slave: ClientConfig, options: DdlOptions): Promise<void> {
  try {
    await replicate(master, slave, { signal: options.signal, onEvent: options.onEvent })
  } catch (error) {
    if (options.signal?.aborted || !(error instanceof RservError)) throw error
    // Whatever it is, it is met again, and told, when the slave has to run the script.
    const message = `slave ${slave.database} is not brought up before: ${error.message}`
    options.onEvent?.({ kind: 'notice', message })
  }
}

async function bringAlong(master: ClientConfig, slave: ClientConfig, options: DdlOptions): Promise<DdlSlave> {
  const database = slave.database ?? ''
  try {
    return { database, outcome: 'done', scripts: await runThere(master, slave, options) }
  } catch (error) {
    if (options.signal?.aborted || !(error instanceof RservError)) throw error
    return { database, outcome: 'waiting', scripts: [], error }
  }
}

/** Pause between two looks, milliseconds. */
const LOOK_MS = 200

async function runThere(master: ClientConfig, slave: ClientConfig, options: DdlOptions): Promise<readonly string[]> {
  const common = { signal: options.signal, onEvent: options.onEvent }
  await using masterSession = await openSession(master, 'master', common)
  await using slaveSession = await openSession(slave, 'slave', common)
  const link = await connect(masterSession, slaveSession)
  const until = performance.now() + (options.waitMs ?? 60_000)
  for (;;) {
    try {
      return (await transferAll(link, { master, slave }, { ...common, skipScript: options.skip })).scripts
    } catch (error) {
      // Somebody who follows the slave runs it for us, or reads the tables for long.
      const passing = error instanceof RservError && ['BUSY', 'LOCK_TIMEOUT'].includes(error.code)
      if (!passing) throw error
      if (!(await waits(masterSession, link.slaveNode.nodeId))) return []
      if (performance.now() > until) throw error
      await sleep(LOOK_MS)
    }
  }
}

async function waits(master: Session, nodeId: string): Promise<boolean> {
  return inTransaction(master, async () => {
    const server = (await listServers(master)).find((one) => one.nodeId === nodeId)
    return server !== undefined && (await waitingScripts(master, server)).length > 0
  })
}

async function listWaiting(session: Session): Promise<DdlResult['waiting']> {
  const waiting: { server: string; scripts: string[] }[] = []
  for (const server of await listServers(session)) {
    const scripts = await waitingScripts(session, server)
    if (scripts.length > 0) waiting.push({ server: server.name, scripts })
  }
  return waiting
}
