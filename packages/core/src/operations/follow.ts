import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import { holdSlave } from '../apply/slave-position.ts'
import { currentSnapshot } from '../database/current-snapshot.ts'
import type { ConfigSource } from '../database/session.ts'
import { refusePooler } from '../database/refuse-pooler.ts'
import { currentConfig, openSession } from '../database/session.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import { xmaxOf } from '../shared/position.ts'
import { Flow } from '../shared/flow.ts'
import type { Throttle } from '../shared/throttle.ts'
import { restAfter } from '../shared/throttle.ts'
import type { Link } from './link.ts'
import { connect } from './link.ts'
import type { ReplicateOptions, TransferResult } from './replicate.ts'
import { chooseApart } from './copy/choose-apart.ts'
import { CopyPool } from './copy/copy-pool.ts'
import { Parking } from './park.ts'
import { cancelled, transferOnce } from './replicate.ts'
import { Recorder } from './recorder.ts'
import { Pace } from './steady/pace.ts'
import { SteadyLink } from './steady/steady-link.ts'
import type { TableError } from './table-error.ts'
import { isTableError } from './table-error.ts'

export interface FollowOptions extends ReplicateOptions {
  /** Ends after the transfer in hand; `signal` ends at once, and the servers roll back. */
  stop?: AbortSignal | undefined
  /** Least milliseconds from the end of a transfer to the next; default 0. */
  pauseMs?: number | undefined
  /** Most milliseconds between two looks at a master that is idle for long; default 500. */
  idleMs?: number | undefined
  /** Most milliseconds from one transfer to the next that a busy master is left alone; default 300. */
  busyMs?: number | undefined
  /** Most milliseconds between two attempts after failures; default 30000. */
  retryMs?: number | undefined
  /** Milliseconds between two attempts at a parked table; default 60000. */
  parkedRetryMs?: number | undefined
  /** Bounds on what is transferred; asked for while rows travel, after every transfer, and while it rests because of them. */
  throttle?: (() => Throttle | null | undefined) | undefined
  /** Told again and again that it goes on: it looked, rows travel, or it rests on purpose; may not throw. */
  onLook?: (() => void) | undefined
  /** Also what the first connection is refused for is tried again; default false: it is thrown. */
  patient?: boolean | undefined
}

export type FollowEvent =
  /** Connected to both; transfers begin. */
  | { readonly kind: 'connected' }
  /** A transfer was applied. */
  | { readonly kind: 'applied'; readonly result: TransferResult }
  /** The slave has everything: once, after the last transfer. */
  | { readonly kind: 'in-sync'; readonly result: TransferResult }
  /** It failed, and will be tried again. Nothing is lost. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly retryInMs: number }
  /** It failed twice because of one table, which is left out from now on, tried again from time to time, and then copied. */
  | { readonly kind: 'parked'; readonly error: TableError }

const FIRST_RETRY_MS = 250
/**
 * Keeps a slave up with its master, over connections that stay open, until it is told to stop. It looks often while
 * there is traffic and seldom when there is none; a look at an idle server is one statement without a table. After a
 * failure it connects anew, later each time, as the configuration says then. Only one follows a slave at a time.
 *
 * ```ts
 * for await (const event of follow(master, slave, { stop })) console.log(event.kind)
 * ```
 *
 * @throws RservError CANCELLED when `signal` aborts, and, unless `patient`, what the first connection is refused for
 */
export async function* follow(
  master: ConfigSource,
  slave: ConfigSource,
  options: FollowOptions = {},
): AsyncGenerator<FollowEvent, void, void> {
  let failures = 0
  let everConnected = options.patient ?? false
  await using recorder = new Recorder(master, slave, options)
  // Copies go on when the connections of the transfers are made anew.
  const flow = flowOf(options)
  await using copies = new CopyPool({ master, slave }, { ...options, flow })
  const following = { ...options, flow, copies, parking: new Parking(slave, options), recorder, wake: wakeOf(options) }
  while (!options.stop?.aborted) {
    try {
      for await (const event of followConnected(master, slave, following)) {
        failures = event.kind === 'connected' ? failures : 0
        everConnected = true
        yield event
      }
      return
    } catch (error) {
      recorder.failed(error)
      const event = await endure(error, { failures, everConnected, options: following })
      if (event) yield event
      if (event?.kind !== 'failed') continue
      failures++
      await pause(event.retryInMs, following)
    }
  }
}

interface Endured {
  /** In a row, before this one. */
  readonly failures: number
  readonly everConnected: boolean
  readonly options: Following
}

/** What to tell of a failure, if anything; throws what ends it. */
async function endure(error: unknown, { failures, everConnected, options }: Endured): Promise<FollowEvent | null> {
  if (options.signal?.aborted) throw cancelled(error)
  const parked = await options.parking.failed(error).catch(() => null)
  if (parked) return parked.isNew ? { kind: 'parked', error: parked.error } : null
  if (!everConnected && !mayPass(error)) throw error
  return { kind: 'failed', error, retryInMs: Math.min(FIRST_RETRY_MS * 2 ** failures, options.retryMs ?? 30_000) }
}

/** A server that is not there, and a slave that somebody else works for, may be different soon. */
function mayPass(error: unknown): boolean {
  return error instanceof RservError && (error.code === 'CONNECT' || error.code === 'BUSY')
}

interface Following extends FollowOptions {
  readonly parking: Parking
  readonly recorder: Recorder
  readonly copies: CopyPool
  readonly flow: Flow
  /** Aborts with either of the two. One for all rests: it stays registered with both of them for good. */
  readonly wake: AbortSignal
}

/** What is in hand when it is to stop is finished as fast as it can be. */
function flowOf({ stop, signal, throttle, onLook }: FollowOptions): Flow {
  return new Flow(() => {
    // Asked for with every piece that travels.
    onLook?.()
    return stop?.aborted || signal?.aborted ? null : throttle?.()?.bytesPerSecond
  })
}

function wakeOf({ stop, signal }: FollowOptions): AbortSignal {
  return AbortSignal.any([stop, signal].filter((one) => one !== undefined))
}

async function* followConnected(
  master: ConfigSource,
  slave: ConfigSource,
  options: Following,
): AsyncGenerator<FollowEvent, void, void> {
  await using masterSession = await openSession(await currentConfig(master), 'master', options)
  const slaveConfig = await currentConfig(slave)
  await using slaveSession = await openSession(slaveConfig, 'slave', options)
  const link = await connect(masterSession, slaveSession)
  options.recorder.connected(link)
  await refusePooler(slaveSession, slaveConfig)
  await holdSlave(slaveSession, link.node.nodeId)
  options.parking.connected()
  yield { kind: 'connected' }
  yield* transfers(link, slaveConfig, options)
}

async function* transfers(
  link: Link,
  slave: ClientConfig,
  options: Following,
): AsyncGenerator<FollowEvent, void, void> {
  const steady = new SteadyLink(link, slave)
  const pace = new Pace({ idleMs: options.idleMs ?? 500, busyMs: options.busyMs ?? 300 })
  while (!options.stop?.aborted) {
    options.onLook?.()
    for await (const event of failedCopies(options)) {
      pace.disturbed()
      yield event
    }
    // First the tables that are well: one that fails each time must not keep them waiting, however often it is tried.
    yield* transferNow(link, slave, { pace, steady, options })
    if (options.stop?.aborted) break
    const { parking } = options
    if ((parking.due || (await parking.altered(link.slave))) && (await parking.choose(link.slave))) {
      const result = await thorough(link, slave, { steady, options })
      pace.disturbed()
      yield { kind: 'applied', result }
      await options.recorder.succeeded(link, result)
      await pauseThrottled(0, result, options)
    }
  }
  await steady.confirm()
  await options.recorder.flush(link)
}

/**
 * Tables that could not be copied are left out.
 * @throws what the copies were given up for that is not one table's
 */
async function* failedCopies({ copies, parking }: Following): AsyncGenerator<FollowEvent, void, void> {
  for (const error of copies.takeFailures()) {
    if (!isTableError(error)) throw error
    if (await parking.park(error)) yield { kind: 'parked', error }
  }
}

/** A look, the transfer if there is one, and the rest after it. */
async function* transferNow(
  link: Link,
  slave: ClientConfig,
  { pace, steady, options }: { pace: Pace; steady: SteadyLink; options: Following },
): AsyncGenerator<FollowEvent, void, void> {
  const snapshot = pace.idle ? await currentSnapshot(link.master) : ''
  const joins = options.copies.takeDue()
  if (!joins && pace.mayRest(snapshot)) {
    await options.recorder.succeeded(link, null)
    return pause(pace.rest(), options)
  }
  const result = await lookOrTransfer(link, slave, { full: pace.lookAgain, joins, steady, options })
  if (!result) {
    await options.recorder.succeeded(link, null)
    return pause(pace.nothing(snapshot), options)
  }
  if (result.outcome === 'applied') {
    yield { kind: 'applied', result }
    await options.recorder.succeeded(link, result)
    const nextId = BigInt(xmaxOf(steady.position ?? (await currentSnapshot(link.master))))
    const rest = Math.max(pace.applied({ elapsedMs: result.elapsedMs, nextId }), options.pauseMs ?? 0)
    return pauseThrottled(rest, result, options)
  }
  const everything = !options.copies.busy
  if (everything && !pace.idle) yield { kind: 'in-sync', result }
  await options.recorder.succeeded(link, result)
  return pause(pace.nothing(snapshot), options)
}

interface Turn {
  readonly steady: SteadyLink
  readonly options: Following
  /** Is it time to look at everything? */
  readonly full: boolean
  /** Are there tables to be joined that were copied apart? */
  readonly joins: boolean
}

/** The quickest that will do; null: nothing has happened. */
async function lookOrTransfer(
  link: Link,
  slave: ClientConfig,
  { steady, options, full, joins }: Turn,
): Promise<TransferResult | null> {
  if (full && !joins && (await steady.quiet())) return null
  const quick = full || joins ? null : await steady.transfer()
  return quick ?? thorough(link, slave, { steady, options })
}

/** A transfer that takes nothing for granted, after which quick ones may follow. */
async function thorough(
  link: Link,
  slave: ClientConfig,
  { steady, options }: { steady: SteadyLink; options: Following },
): Promise<TransferResult> {
  const { copies, parking } = options
  const tries = parking.tries
  copies.add(await chooseApart(link, copies.has, { ...options, tries }), link.node.nodeId)
  // As of before the slave's tables are looked at: what is copied meanwhile comes with the next transfer.
  const copied = copies.takeResults()
  const apart = copies.now()
  const result = await transferOnce(link, slave, { ...options, tries, apart })
  parking.succeeded()
  await steady.prepare(apart)
  if (copied.length === 0) return result
  const bytes = copied.reduce((sum, table) => sum + table.bytes, result.bytes)
  return { ...result, tables: [...copied, ...result.tables], bytes }
}

/** Throttles are looked at this often, in milliseconds: one that was lifted must not last. */
const LOOK_AT_THROTTLE_MS = 500

/** Sleeps at least so long, and as long as the throttle of the moment says. */
async function pauseThrottled(leastMs: number, result: TransferResult, options: Following): Promise<void> {
  const started = performance.now()
  await pause(leastMs, options)
  const moved = {
    rows: result.tables.reduce((sum, { written, deleted }) => sum + written + deleted, 0),
    bytes: result.bytes,
    elapsedMs: result.elapsedMs,
  }
  while (!options.stop?.aborted) {
    const rest = restAfter(moved, options.throttle?.()) - (performance.now() - started)
    if (rest <= 0) return
    await pause(Math.min(rest, LOOK_AT_THROTTLE_MS), options)
    options.onLook?.()
  }
}

/** Sleeps; wakes up when it is to stop. */
async function pause(ms: number, { wake, signal }: Following): Promise<void> {
  if (ms <= 0) return
  await sleep(ms, undefined, { signal: wake }).catch((error: unknown) => {
    if (codeOf(error) !== 'ABORT_ERR') throw error
  })
  if (signal?.aborted) throw cancelled(signal.reason)
}
