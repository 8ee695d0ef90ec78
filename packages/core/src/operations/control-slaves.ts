import type { ClientConfig } from 'pg'
import type { KnownServer } from '../acknowledge/servers.ts'
import { listServers } from '../acknowledge/servers.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { Throttle } from '../shared/throttle.ts'

export interface ControlOptions extends CommonOptions {
  /** Name of the slave as `status` shows it; default: all that the master knows. */
  server?: string | undefined
}

export interface ControlResult {
  /** The slaves that were meant. */
  readonly servers: readonly string[]
  /** Those of them for which it was otherwise before. */
  readonly changed: readonly string[]
}

/**
 * Whoever follows the slaves, wherever that runs, finishes the transfer in hand and begins no other until `resumeSlaves`.
 * `replicate` is not held by it.
 * @throws RservError BAD_ARGUMENT when the master knows no such slave; CONNECT, NOT_INITIALISED, WRONG_ROLE
 */
export async function pauseSlaves(master: ClientConfig, options: ControlOptions = {}): Promise<ControlResult> {
  return control(master, options, ['paused_at = clock_timestamp()', 'paused_at is null'])
}

/** @throws RservError as `pauseSlaves` */
export async function resumeSlaves(master: ClientConfig, options: ControlOptions = {}): Promise<ControlResult> {
  return control(master, options, ['paused_at = null', 'paused_at is not null'])
}

/**
 * Holds whoever follows the slaves back.
 * @param throttle null: not any more
 * @throws RservError as `pauseSlaves`; BAD_ARGUMENT for a bound that is not above zero
 */
export async function throttleSlaves(
  master: ClientConfig,
  throttle: Throttle | null,
  options: ControlOptions = {},
): Promise<ControlResult> {
  for (const [name, value] of Object.entries(throttle ?? {})) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      throw new RservError('BAD_ARGUMENT', `${name} is ${value}`, { hint: 'It takes a number above zero.' })
    }
  }
  const wanted = throttle === null ? null : JSON.stringify(throttle)
  return control(master, options, ['throttle = $2::jsonb', 'throttle is distinct from $2::jsonb'], [wanted])
}

/**
 * Keeps the log for a slave no longer, so that it can be cleaned. Nothing is transferred to it until the whole slave
 * is resynced.
 * @param why for people
 * @returns false where it was detached before
 * @throws RservError as `pauseSlaves`
 */
export async function detachSlave(
  master: ClientConfig,
  { server, why, ...common }: CommonOptions & { server: string; why: string },
): Promise<boolean> {
  const change = ['detached_at = clock_timestamp(), detached_why = $2', 'detached_at is null'] as const
  const { changed } = await control(master, { ...common, server }, change, [why])
  return changed.length > 0
}

type Change = readonly [set: string, whereOther: string]

async function control(
  master: ClientConfig,
  options: ControlOptions,
  [set, whereOther]: Change,
  values: readonly unknown[] = [],
): Promise<ControlResult> {
  await using session = await openSession(master, 'master', options)
  return await inTransaction(session, async () => {
    await requireRole(session, 'master')
    const servers = await chosen(session, options.server)
    const changed: string[] = []
    for (const { id, name } of servers) {
      const sql = `update rserv.server set ${set} where server_id = $1 and ${whereOther}`
      if ((await session.run(sql, [id, ...values])) > 0) changed.push(name)
    }
    return { servers: servers.map(({ name }) => name), changed }
  })
}

async function chosen(session: Session, wanted: string | undefined): Promise<KnownServer[]> {
  const servers = await listServers(session)
  if (wanted === undefined && servers.length > 0) return servers
  const found = servers.filter(({ name }) => name === wanted)
  if (found.length > 0) return found
  const names = servers.map(({ name }) => name)
  throw new RservError(
    'BAD_ARGUMENT',
    wanted === undefined ? 'the master knows no slave yet' : `the master knows no slave ${wanted}`,
    {
      side: 'master',
      hint: names.length > 0 ? `It knows: ${names.join(', ')}` : 'A slave is known after its first transfer.',
    },
  )
}
