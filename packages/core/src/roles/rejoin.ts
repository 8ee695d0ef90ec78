import type { ClientConfig } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { requireSource } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { learnReigns, listReigns } from '../operations/reigns.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { fence } from './fence.ts'
import { requireAnyRole } from './node-roles.ts'
import type { ReconcileResult } from './reconcile.ts'
import { reconcile } from './reconcile.ts'
import type { Report } from './report.ts'
import { reportRows, writeReport } from './report.ts'

export interface RejoinOptions extends CommonOptions {
  /** Wait for the old master until it can be reached, and refuse its writes as soon as it can. */
  fence?: boolean | undefined
  /** Milliseconds that its writers have to end; default 10000. */
  timeLimitMs?: number | undefined
  /** Copy tables whose logs do not reach back; their rows are not reported. */
  copy?: boolean | undefined
  /** Count scripts of `ddl` that only one of the two has run as run by both; default: refuse. */
  anyway?: boolean | undefined
  /** Takes the report: one JSON document a line. */
  report?: NodeJS.WritableStream | undefined
}

export interface RejoinResult extends ReconcileResult {
  readonly report: Report
}

const TIME_LIMIT_MS = 10_000
/** Milliseconds between two attempts to reach the old master. */
const KNOCK_MS = 250

/**
 * Brings a former master back as a slave of the one that replaced it, without a copy. Its writes are refused; the rows that
 * only it had, or had otherwise, are reported, in a table of the new master and to `report`, before they are overwritten.
 * Can be run again after a failure at any point.
 * @throws RservError NOTHING_IN_COMMON, LOG_GAP, LOCK_TIMEOUT, OLD_GENERATION, NOT_READY, …
 */
export async function rejoin(
  old: ClientConfig,
  master: ClientConfig,
  options: RejoinOptions = {},
): Promise<RejoinResult> {
  const limitMs = options.timeLimitMs ?? TIME_LIMIT_MS
  await using oldSession = options.fence ? await knock(old, options) : await openSession(old, 'slave', options)
  await using masterSession = await openSession(master, 'master', options)
  await outrank(masterSession, oldSession)
  await fence(oldSession, { limitMs, newMaster: null })
  oldSession.reach('roles.fenced')
  let report: Report = { rejoinId: null, rows: 0, tables: [] }
  const result = await reconcile(master, old, {
    signal: options.signal,
    onEvent: options.onEvent,
    copy: options.copy,
    anyway: options.anyway,
    async before(sides, common, tables) {
      report = await reportRows(sides, common, tables)
      if (options.report) await writeReport(sides.source, report, options.report)
      sides.source.reach('roles.reported')
    },
  })
  oldSession.reach('roles.reconciled')
  return { ...result, report }
}

async function knock(old: ClientConfig, options: RejoinOptions): Promise<Session> {
  for (;;) {
    try {
      return await openSession(old, 'slave', options)
    } catch (error) {
      if (!(error instanceof RservError) || error.code !== 'CONNECT' || options.signal?.aborted) throw error
      await sleep(KNOCK_MS, undefined, { signal: options.signal })
    }
  }
}

/** The old master learns that it is one. Where both were promoted as the same generation the new one goes ahead. */
async function outrank(master: Session, old: Session): Promise<void> {
  const node = await inTransaction(master, () => requireSource(master))
  const former = await inTransaction(old, () => requireAnyRole(old))
  if (former.nodeId === node.nodeId) {
    throw new RservError('SAME_NODE', 'both are the same database', { hint: 'Give two databases.' })
  }
  const own = await inTransaction(master, () => listReigns(master))
  const known = await inTransaction(old, () => listReigns(old))
  const shared = own.filter(({ cluster }) => known.some((other) => other.cluster === cluster))
  const reign = shared.find(({ master: head }) => head === node.nodeId)
  const rival = known.find(({ cluster }) => cluster === reign?.cluster)
  if (!reign || !rival) {
    throw new RservError('NOT_READY', `${master.database} did not replace ${old.database}`, {
      side: 'master',
      hint: 'Give the former master first, then the master that was promoted in its place: rserv rejoin OLD NEW.',
    })
  }
  if (rival.generation > reign.generation) {
    throw new RservError('OLD_GENERATION', `${old.database} knows of a later master than ${master.database}`, {
      side: 'master',
      hint: `Perhaps the other way round: rserv rejoin ${master.database} ${old.database}`,
    })
  }
  const tie = rival.generation === reign.generation && rival.master !== reign.master
  const now = { ...reign, generation: tie ? reign.generation + 1 : reign.generation }
  if (tie) await inTransaction(master, () => learnReigns(master, [now]))
  await inTransaction(old, () => learnReigns(old, [now]))
}
