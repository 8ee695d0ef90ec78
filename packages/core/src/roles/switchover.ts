import type { ClientConfig } from 'pg'
import { setSequences } from '../apply/set-sequences.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { begin, inTransaction, rollback } from '../database/transaction.ts'
import type { Link } from '../operations/link.ts'
import { connect } from '../operations/link.ts'
import { transferOnce } from '../operations/replicate.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { shellWord } from '../shared/resync-command.ts'
import { readSequences } from '../transfer/sequences.ts'
import { fence, unfence } from './fence.ts'
import { alreadyPromoted, awaitPromotion, giveUp } from './give-up.ts'
import { haveAlone } from './have-alone.ts'
import type { Followed } from './followers.ts'
import { bringOthers } from './followers.ts'
import type { Obstacle } from './readiness.ts'
import { findObstacles, othersObstacles, refuseObstacles } from './readiness.ts'
import { takeOver } from './take-over.ts'

export interface SwitchoverOptions extends CommonOptions {
  /** Other slaves, which follow the new master afterwards. */
  others?: readonly ClientConfig[] | undefined
  /** Milliseconds that writes may be stopped for at most; default 10000. Then everything is undone. */
  timeLimitMs?: number | undefined
  /** Milliseconds that whoever follows the slave, such as `rserv run`, has to let go of it; default 30000. */
  letGoMs?: number | undefined
  /** Go on although the slave lacks something. */
  anyway?: boolean | undefined
  /** Called when the new master can be written, before anything else follows it. */
  onPromoted?: ((generation: number) => Promise<void>) | undefined
}

export interface SwitchoverResult {
  readonly outcome: 'switched' | 'completed'
  readonly master: string
  readonly slave: string
  readonly generation: number
  /** Milliseconds for which nobody could write; null where an interrupted switchover was completed. */
  readonly writeStopMs: number | null
  /** What became of the old master and of the other slaves. */
  readonly followers: readonly Followed[]
}

export interface Rehearsal {
  readonly obstacles: readonly Obstacle[]
  /** Expected milliseconds for which nobody could write; null where it could not be tried. */
  readonly writeStopMs: number | null
}

const TIME_LIMIT_MS = 10_000

/**
 * Lets master and slave change places: nothing is lost, nothing is copied. Everything is checked first; then writes on the
 * master are refused (SQLSTATE 25006), the last transfer is applied, and the slave becomes master, all within the time
 * limit, or else everything is undone. A running `rserv run` lets go of the slave meanwhile. The old master and the other slaves follow the new one. After a crash it is
 * completed by running it again, or, before the slave was promoted, undone by `undoSwitchover`.
 * @throws RservError NOT_READY, LOCK_TIMEOUT, BUSY, …; nothing has changed then
 */
export async function switchover(
  master: ClientConfig,
  slave: ClientConfig,
  options: SwitchoverOptions = {},
): Promise<SwitchoverResult> {
  await using masterSession = await openSession(master, 'master', options)
  await using slaveSession = await openSession(slave, 'slave', options)
  const done = await alreadyPromoted(masterSession, slaveSession)
  const link = done === null ? await connect(masterSession, slaveSession) : null
  // Until all follow the new master: who comes back then is told what to change.
  await using _alone = link ? await haveAlone(master, link, options) : null
  const { generation, writeStopMs } = link
    ? await change(link, { ...options, master, slave })
    : { generation: done ?? 0, writeStopMs: null }
  await options.onPromoted?.(generation)
  // The old master comes last: it then need not keep its log for the others.
  const followers = await bringOthers(slave, [...(options.others ?? []), master], options)
  const names = { master: masterSession.database, slave: slaveSession.database }
  return { outcome: done === null ? 'switched' : 'completed', ...names, generation, writeStopMs, followers }
}

/** Says what stands against a switchover, and how long writes would be stopped. Changes nothing. */
export async function rehearseSwitchover(
  master: ClientConfig,
  slave: ClientConfig,
  options: SwitchoverOptions = {},
): Promise<Rehearsal> {
  await using masterSession = await openSession(master, 'master', options)
  await using slaveSession = await openSession(slave, 'slave', options)
  const link = await connect(masterSession, slaveSession)
  await using _alone = await haveAlone(master, link, options)
  await catchUp(link, slave, options)
  const obstacles = [
    ...(await findObstacles(masterSession, slaveSession)),
    ...(await othersObstacles(masterSession, options.others ?? [], options)),
  ]
  if (obstacles.length > 0) return { obstacles, writeStopMs: null }
  const locks = await fence(masterSession, {
    newMaster: link.slaveNode.nodeId,
    limitMs: options.timeLimitMs ?? TIME_LIMIT_MS,
    rehearse: true,
  })
  const started = performance.now()
  await transferOnce(link, slave, options)
  await begin(slaveSession)
  try {
    await bringSequences(masterSession, slaveSession)
    await takeOver(slaveSession)
  } finally {
    await rollback(slaveSession)
  }
  return { obstacles, writeStopMs: Math.round(locks + performance.now() - started) }
}

/**
 * Gives up a switchover that was interrupted before the slave was promoted: the master can be written again.
 * @throws RservError NOT_READY where the slave is master already
 */
export async function undoSwitchover(
  master: ClientConfig,
  slave: ClientConfig,
  options: CommonOptions = {},
): Promise<{ master: string }> {
  await using masterSession = await openSession(master, 'master', options)
  await using slaveSession = await openSession(slave, 'slave', options)
  await awaitPromotion(slaveSession)
  if ((await alreadyPromoted(masterSession, slaveSession)) !== null) {
    throw new RservError('NOT_READY', `${slaveSession.database} is the master already`, {
      hint: `Complete it: rserv switchover ${[masterSession, slaveSession].map((one) => shellWord(one.database)).join(' ')}; then change places again.`,
    })
  }
  await unfence(masterSession)
  masterSession.reach('roles.unfenced')
  return { master: masterSession.database }
}

/** Transfers until hardly anything is left for the time in which writes are stopped. */
async function catchUp(link: Link, slave: ClientConfig, options: CommonOptions): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const { outcome, elapsedMs } = await transferOnce(link, slave, options)
    if (outcome !== 'applied' || elapsedMs < 200) return
  }
}

async function change(
  link: Link,
  options: SwitchoverOptions & { master: ClientConfig; slave: ClientConfig },
): Promise<{ generation: number; writeStopMs: number }> {
  const { master, slave } = link
  await catchUp(link, options.slave, options)
  if (!options.anyway) {
    const obstacles = [
      ...(await findObstacles(master, slave)),
      ...(await othersObstacles(master, options.others ?? [], options)),
    ]
    refuseObstacles(obstacles, 'a switchover')
  }
  await catchUp(link, options.slave, options)
  master.reach('roles.checked')
  const limitMs = options.timeLimitMs ?? TIME_LIMIT_MS
  try {
    const waited = await fence(master, { newMaster: link.slaveNode.nodeId, limitMs })
    const started = performance.now() - waited
    master.reach('roles.fenced')
    const watch = AbortSignal.timeout(Math.max(1, Math.round(limitMs - waited)))
    const generation = await promoteWithin(link, { ...options, watch })
    return { generation, writeStopMs: Math.round(performance.now() - started) }
  } catch (error) {
    await giveUp(options, error)
    throw error
  }
}

async function promoteWithin(
  link: Link,
  options: SwitchoverOptions & { slave: ClientConfig; watch: AbortSignal },
): Promise<number> {
  const { master, slave } = link
  const inTime = (): void => {
    if (!options.watch.aborted) return
    throw new RservError('LOCK_TIMEOUT', 'the time limit for the stop of writes was reached', {
      hint: 'Nothing was changed, and everybody can write on the master. Give more time with --time-limit.',
    })
  }
  for (;;) {
    inTime()
    const { outcome } = await transferOnce(link, options.slave, options)
    if (outcome !== 'applied') break
  }
  master.reach('roles.last-transfer')
  await begin(slave, { lockTimeoutMs: 2000 })
  try {
    await bringSequences(master, slave)
    slave.reach('roles.sequences')
    const { generation } = await takeOver(slave)
    inTime()
    await slave.run('commit')
    slave.reach('roles.promoted')
    return generation
  } catch (error) {
    await rollback(slave)
    throw error
  }
}

/** All of them: those of tables without changes may have gone on, too. */
async function bringSequences(master: Session, slave: Session): Promise<void> {
  const values = await inTransaction(master, async () => {
    const tableIds = (await listReplicated(master)).map(({ tableId }) => tableId)
    return readSequences(master, { tableIds, exact: new Set(tableIds) })
  })
  await setSequences(slave, values)
}
