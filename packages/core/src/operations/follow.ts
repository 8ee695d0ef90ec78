import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import { holdSlave } from '../apply/slave-position.ts'
import { openSession } from '../database/session.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import type { Link } from './link.ts'
import { connect } from './link.ts'
import type { ReplicateOptions, TransferResult } from './replicate.ts'
import { cancelled, transferOnce } from './replicate.ts'
import { Pace } from './steady/pace.ts'
import { SteadyLink } from './steady/steady-link.ts'

export interface FollowOptions extends ReplicateOptions {
  /** Ends after the transfer in hand; `signal` ends at once, and the servers roll back. */
  stop?: AbortSignal | undefined
  /** Least milliseconds from the end of a transfer to the next; default 0. */
  pauseMs?: number | undefined
  /** Most milliseconds between two looks at a master that is idle; default 200. */
  idleMs?: number | undefined
  /** Most milliseconds between two attempts after failures; default 30000. */
  retryMs?: number | undefined
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

const FIRST_RETRY_MS = 250
/**
 * Keeps a slave up with its master, over connections that stay open, until it is told to stop. It looks often while
 * there is traffic and seldom when there is none; a look at an idle server is one statement without a table. After a
 * failure it connects anew, later each time. Only one follows a slave at a time.
 *
 * ```ts
 * for await (const event of follow(master, slave, { stop })) console.log(event.kind)
 * ```
 *
 * @throws RservError CANCELLED when `signal` aborts, and what the first connection is refused for
 */
export async function* follow(
  master: ClientConfig,
  slave: ClientConfig,
  options: FollowOptions = {},
): AsyncGenerator<FollowEvent, void, void> {
  let failures = 0
  let everConnected = false
  while (!options.stop?.aborted) {
    try {
      for await (const event of followConnected(master, slave, options)) {
        failures = event.kind === 'connected' ? failures : 0
        everConnected = true
        yield event
      }
      return
    } catch (error) {
      if (options.signal?.aborted) throw cancelled(error)
      if (!everConnected && !mayPass(error)) throw error
      const retryInMs = Math.min(FIRST_RETRY_MS * 2 ** failures++, options.retryMs ?? 30_000)
      yield { kind: 'failed', error, retryInMs }
      await pause(retryInMs, options)
    }
  }
}

/** A server that is not there, and a slave that somebody else works for, may be different soon. */
function mayPass(error: unknown): boolean {
  return error instanceof RservError && (error.code === 'CONNECT' || error.code === 'BUSY')
}

async function* followConnected(
  master: ClientConfig,
  slave: ClientConfig,
  options: FollowOptions,
): AsyncGenerator<FollowEvent, void, void> {
  await using masterSession = await openSession(master, 'master', options)
  await using slaveSession = await openSession(slave, 'slave', options)
  const link = await connect(masterSession, slaveSession)
  await holdSlave(slaveSession, link.node.nodeId)
  yield { kind: 'connected' }
  yield* transfers(link, slave, options)
}

async function* transfers(
  link: Link,
  slave: ClientConfig,
  options: FollowOptions,
): AsyncGenerator<FollowEvent, void, void> {
  const steady = new SteadyLink(link, slave)
  const pace = new Pace(options.idleMs ?? 200)
  while (!options.stop?.aborted) {
    const snapshot = pace.idle ? await currentSnapshot(link) : ''
    if (pace.idle && pace.mayRest(snapshot)) {
      await pause(pace.rest(), options)
      continue
    }
    const quick = pace.lookAgain ? null : await steady.transfer()
    const result = quick ?? (await thorough(link, slave, { steady, options }))
    if (result.outcome === 'applied') {
      yield { kind: 'applied', result }
      await pause(Math.max(pace.applied(steady.lookMs, result.elapsedMs), options.pauseMs ?? 0), options)
    } else {
      if (!pace.idle) yield { kind: 'in-sync', result }
      await pause(pace.nothing(snapshot), options)
    }
  }
  await steady.confirm()
}

/** A transfer that takes nothing for granted, after which quick ones may follow. */
async function thorough(
  link: Link,
  slave: ClientConfig,
  { steady, options }: { steady: SteadyLink; options: FollowOptions },
): Promise<TransferResult> {
  const result = await transferOnce(link, slave, options)
  await steady.prepare()
  return result
}

async function currentSnapshot({ master }: Link): Promise<string> {
  const row = await master.row('select pg_catalog.pg_current_snapshot()::text as now')
  return row?.['now'] ?? ''
}

/** Sleeps; wakes up when it is to stop. */
async function pause(ms: number, { stop, signal }: FollowOptions): Promise<void> {
  if (ms <= 0) return
  const signals = [stop, signal].filter((one) => one !== undefined)
  await sleep(ms, undefined, { signal: AbortSignal.any(signals) }).catch((error: unknown) => {
    if (codeOf(error) !== 'ABORT_ERR') throw error
  })
  if (signal?.aborted) throw cancelled(signal.reason)
}
