import type { ClientConfig } from 'pg'
import { listReplicated } from '../capture/replicated-tables.ts'
import { after } from '../changes/window.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction, withLockRetry } from '../database/transaction.ts'
import { learnReigns, listReigns } from '../operations/reigns.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { includes } from '../shared/position.ts'
import type { Reign } from '../transfer/lineage.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { Followed } from './followers.ts'
import { bringOthers } from './followers.ts'
import { advanceSequences } from './sequence-margin.ts'
import { requireAnyRole } from './node-roles.ts'
import type { TakenOver } from './take-over.ts'
import { takeOver } from './take-over.ts'

export interface PromoteOptions extends CommonOptions {
  /** The other slaves that can be reached: they are compared with this one, and follow it afterwards. */
  others?: readonly ClientConfig[] | undefined
  /** The old master, where it may still be reached: then nobody is promoted. */
  oldMaster?: ClientConfig | undefined
  /** Promote although another slave is ahead, the slave keeps no log, or the old master answers. */
  anyway?: boolean | undefined
  /** Values that each sequence skips: the old master may have given them out; default 1000. */
  sequenceMargin?: number | undefined
  /** Called when the new master can be written, before anything else follows it. */
  onPromoted?: ((generation: number) => Promise<void>) | undefined
}

/** How far a slave is. */
export interface Candidate {
  readonly database: string
  /** Decimal text. */
  readonly syncId: string | null
  /** ISO 8601. */
  readonly appliedAt: string | null
  /** pg_snapshot of the master. */
  readonly position: string | null
  readonly keepsLog: boolean
  /** Has it everything that each of the others has? */
  readonly mostAdvanced: boolean
  /** Keys of which it may have something that the first one has not; null: it has more, and keeps no log that says how much. */
  readonly keysAhead: number | null
}

export interface PromoteResult extends TakenOver {
  readonly database: string
  /** All that could be compared, this one first. */
  readonly candidates: readonly Candidate[]
  readonly followers: readonly Followed[]
}

/**
 * Makes a slave the master because the old one is gone. Refused where another of the slaves given is ahead, by the
 * positions as snapshots. The others follow it afterwards, also one that was ahead. What the old master had committed after
 * the slave's position is not here: `rejoin` brings it to light. One that is the master already lets the others follow it, and
 * takes a later generation than any of them knows.
 * @throws RservError NOT_READY, BUSY, CONNECT, WRONG_ROLE, LOCK_TIMEOUT
 */
export async function promote(slave: ClientConfig, options: PromoteOptions = {}): Promise<PromoteResult> {
  await using session = await openSession(slave, 'slave', options)
  const again = await alreadyMaster(session)
  const candidates = again ? [] : await compare(session, options)
  if (!again && !options.anyway) await refuse(candidates, options)
  session.reach('roles.checked')
  const taken = again ? await rise(session, again, options) : await takeOverNow(session, options)
  session.reach('roles.promoted')
  await options.onPromoted?.(taken.generation)
  const followers = await bringOthers(slave, options.others ?? [], options)
  return { ...taken, database: session.database, candidates, followers }
}

async function takeOverNow(session: Session, options: PromoteOptions): Promise<TakenOver> {
  const known = await reignsOfOthers(options)
  return withLockRetry(session, { lockTimeoutMs: 1000, attempts: 10 }, async () => {
    const taken = await takeOver(session, known)
    await advanceSequences(session, options.sequenceMargin ?? 1000)
    return taken
  })
}

/** A promotion that this slave has not heard of must not be given its generation again. */
async function reignsOfOthers(options: PromoteOptions): Promise<Reign[]> {
  const reigns: Reign[] = []
  for (const other of options.others ?? []) {
    await using session = await openSession(other, 'slave', options)
    reigns.push(...(await inTransaction(session, () => listReigns(session))))
  }
  if (options.oldMaster && options.anyway && (await answers(options.oldMaster, options))) {
    await using session = await openSession(options.oldMaster, 'master', options)
    reigns.push(...(await inTransaction(session, () => listReigns(session))))
  }
  return reigns
}

/**
 * One that is the master already takes the next generation where others know of another promotion, of which it had not
 * heard: whoever knew that one can follow this one then.
 */
async function rise(session: Session, own: TakenOver, options: PromoteOptions): Promise<TakenOver> {
  const node = await inTransaction(session, () => requireAnyRole(session))
  const rivals = (await reignsOfOthers(options)).filter(
    ({ cluster, generation, master }) =>
      cluster === own.cluster && generation >= own.generation && master !== node.nodeId,
  )
  if (rivals.length === 0) return own
  const highest = Math.max(...rivals.map(({ generation }) => generation))
  if (highest > own.generation && !options.anyway) {
    throw new RservError('NOT_READY', `the others know of a later master than ${session.database}`, {
      side: 'slave',
      hint: `It is of generation ${highest}. Bring this one back as its slave (rserv rejoin), or, if it is gone for good: --anyway.`,
    })
  }
  const generation = highest + 1
  await inTransaction(session, () => learnReigns(session, [{ cluster: own.cluster, generation, master: node.nodeId }]))
  return { ...own, generation }
}

/** After a crash: the others are still to follow. */
async function alreadyMaster(session: Session): Promise<TakenOver | null> {
  const node = await inTransaction(session, () => requireAnyRole(session))
  if (!node.isMaster || node.isSlave) return null
  const reigns = await inTransaction(session, () => listReigns(session))
  const reign = reigns.find(({ master, generation }) => master === node.nodeId && generation > 1)
  return reign ? { cluster: reign.cluster, generation: reign.generation, oldMaster: reign.cluster } : null
}

const CANDIDATE = `select json_build_object('syncId', s.sync_id::text, 'appliedAt', s.applied_at, 'position', s.position::text,
    'keepsLog', n.keeps_log)
  from rserv.node n left join rserv.slave_sync s on s.origin = $1`

type Found = Omit<Candidate, 'mostAdvanced'>

async function compare(session: Session, options: PromoteOptions): Promise<Candidate[]> {
  await inTransaction(session, () => requireRole(session, 'slave'))
  const row = await session.row(
    `select origin from rserv.slave_sync s where via is null and position is not null
        and exists (select from rserv.slave_table t where t.origin = s.origin) order by applied_at desc limit 1`,
  )
  const origin = row?.['origin']
  if (!origin) {
    throw new RservError('NOT_READY', `slave ${session.database} has not been filled yet`, { hint: 'Promote another.' })
  }
  const own = await candidate(session, origin, null)
  const found = [own]
  for (const other of options.others ?? []) {
    await using opened = await openSession(other, 'slave', options)
    found.push(await candidate(opened, origin, own.position))
  }
  const most = found.reduce((best, one) => (hasAllOf(best, one) ? best : one), own)
  return found.map((one) => ({ ...one, mostAdvanced: hasAllOf(one, most) || (one === own && most.keysAhead === 0) }))
}

/** Positions of one master follow one another. */
function hasAllOf(one: Found, other: Found): boolean {
  if (other.position === null) return true
  return one.position !== null && includes(one.position, other.position)
}

async function candidate(session: Session, origin: string, own: Position | null): Promise<Found> {
  return inTransaction(session, async () => {
    const found = await session.json<Omit<Found, 'database' | 'keysAhead'>>(CANDIDATE, [origin])
    const ahead = own !== null && found.position !== null && !includes(own, found.position)
    return { ...found, database: session.database, keysAhead: ahead ? await keysSince(session, origin, own) : 0 }
  })
}

/** Keys that a slave was sent since it held no more of the origin than `position`; null where it cannot tell. */
async function keysSince(session: Session, origin: string, position: Position): Promise<number | null> {
  const row = await session.row(
    `select own_position::text as since from rserv.applied where origin = $1 and rserv.includes($2::pg_snapshot, position)
      order by own_xid desc limit 1`,
    [origin, position],
  )
  if (row?.['since'] == null) return null
  let keys = 0
  for (const { tableId, keyColumns } of await listReplicated(session)) {
    const columns = keyColumns.map((_, index) => logColumn(index)).join(', ')
    const counted = await session.row(
      `select (select count(*) from (select distinct ${columns} from ${quoteName(logTable(tableId))} where ${after(row['since'])}) k)
        + (select count(*) from rserv.truncate_log where table_id = ${tableId} and ${after(row['since'])}) as keys`,
    )
    keys += Number(counted?.['keys'])
  }
  return keys
}

async function refuse(candidates: readonly Candidate[], options: PromoteOptions): Promise<void> {
  const [own] = candidates
  const anyway = 'To promote it nevertheless: --anyway.'
  if (own && !own.mostAdvanced) {
    const best = candidates.find(({ mostAdvanced, keepsLog }) => mostAdvanced && keepsLog)
    throw new RservError('NOT_READY', `another slave has more of the master's changes than ${own.database}`, {
      side: 'slave',
      hint: best
        ? `Promote the most advanced: rserv promote ${shellWord(best.database)}. ${anyway}`
        : `It keeps no log. ${anyway}`,
    })
  }
  if (own && !own.keepsLog) {
    throw new RservError('NOT_READY', `${own.database} keeps no log: nobody could follow it without a copy`, {
      side: 'slave',
      hint: anyway,
    })
  }
  if (options.oldMaster && (await answers(options.oldMaster, options))) {
    throw new RservError('NOT_READY', 'the old master answers: two masters would be written', {
      side: 'master',
      hint: `Change places instead: rserv switchover ${shellWord(options.oldMaster.database ?? '')} ${shellWord(own?.database ?? '')}. ${anyway}`,
    })
  }
}

async function answers(config: ClientConfig, options: CommonOptions): Promise<boolean> {
  try {
    await using session = await openSession(config, 'master', options)
    return (await session.query('select 1')).length === 1
  } catch (error) {
    if (error instanceof RservError && error.code === 'CONNECT') return false
    throw error
  }
}
