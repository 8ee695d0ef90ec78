import type { Session } from '../database/session.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteLiteral } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import type { Held } from '../transfer/lineage.ts'

/** Where a slave is with respect to one master. */
export interface SlavePosition {
  /** Decimal text; null when nothing was applied yet. */
  readonly syncId: string | null
  readonly position: Position | null
  /** uuid that the master gave this position; no other moment of any master has it. */
  readonly token: string | null
  /** The name under which the master knows this slave. */
  readonly serverName: string | null
  /** Tokens of the last scripts of the master that were run here. */
  readonly ran: readonly string[]
}

/** Names the right to move a slave's position, for advisory locks. */
const LOCK = `pg_catalog.hashtextextended('rserv.apply ' || $1, 0)`

const COPY_LOCK = `pg_catalog.hashtextextended('rserv.copy ' || $1, 0)`

const READ = `select sync_id, position::text as position, token, server_name,
    (select pg_catalog.json_agg(d.token) from (select token from rserv.slave_ddl where origin = $1
      order by run_at desc limit 10) d) as ran
  from rserv.slave_sync s where origin = $1`

/**
 * Takes the right to move the slave's position until the end of the transaction, so that only one replicator works
 * for it (case 154), and reads it. An advisory lock, because there is no row before the first transfer; and the row's
 * lock, so that whoever else holds that is not waited for later.
 * @throws RservError BUSY
 */
export async function lockPosition(session: Session, origin: string): Promise<SlavePosition> {
  const lock = await session.row(`select pg_catalog.pg_try_advisory_xact_lock(${LOCK}) as free`, [origin])
  if (lock?.['free'] !== 't') throw busy(session, await holderOf(session, origin))
  try {
    const position = toPosition(await session.row(`${READ} for update nowait`, [origin]))
    session.reach('apply.locked')
    return position
  } catch (error) {
    throw codeOf(error) === '55P03' ? busy(session) : error
  }
}

/**
 * Keeps transfers away until the end of the transaction, also those of somebody who follows the slave: waits for the one
 * in hand, as long as `lock_timeout` lets it.
 * @throws RservError BUSY, at once while a first transfer is under way
 */
export async function lockBetweenTransfers(session: Session, origin: string): Promise<void> {
  const lock = await session.row(`select pg_catalog.pg_try_advisory_xact_lock(${LOCK}) as free`, [origin])
  try {
    const row = await session.row(`${READ} for update`, [origin])
    if (lock?.['free'] !== 't' && !row) throw busy(session)
  } catch (error) {
    throw codeOf(error) === '55P03' ? busy(session) : error
  }
}

/**
 * Takes that right until the end of the transaction, without reading the position: nothing is locked that anybody else
 * would wait for.
 * @throws RservError BUSY
 */
export async function lockSlave(session: Session, origin: string): Promise<void> {
  const lock = await session.row(`select pg_catalog.pg_try_advisory_xact_lock(${LOCK}) as free`, [origin])
  if (lock?.['free'] !== 't') throw busy(session, await holderOf(session, origin))
}

/**
 * Takes the right to copy a table apart, until the end of the transaction.
 * @throws RservError BUSY
 */
export async function lockCopy(session: Session, origin: string, { schema, name }: QualifiedName): Promise<void> {
  const key = JSON.stringify([origin, schema, name])
  const lock = await session.row(`select pg_catalog.pg_try_advisory_xact_lock(${COPY_LOCK}) as free`, [key])
  if (lock?.['free'] !== 't') throw busy(session)
}

/**
 * Takes that right for as long as the session lasts, so that nobody else comes in between two transfers.
 * @throws RservError BUSY
 */
export async function holdSlave(session: Session, origin: string): Promise<void> {
  const lock = await session.row(`select pg_catalog.pg_try_advisory_lock(${LOCK}) as free`, [origin])
  if (lock?.['free'] !== 't') throw busy(session, await holderOf(session, origin))
}

/** Who holds the right, as far as this role may see; null: nobody any more, or it is hidden. */
async function holderOf(session: Session, origin: string): Promise<string | null> {
  const row = await session.row(
    `select a.application_name, a.usename, coalesce(host(a.client_addr), 'a local socket') as place, a.pid,
        to_char(a.backend_start at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as since
      from pg_catalog.pg_locks l join pg_catalog.pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.database = a.datid
        and a.datname = pg_catalog.current_database() and (l.classid::bigint << 32 | l.objid::bigint) = ${LOCK}
      limit 1`,
    [origin],
  )
  if (!row) return null
  const { application_name: name, usename, place, pid, since } = row
  return `${name || 'a session'} of role ${usename} from ${place}, connected since ${since}, server process ${pid}`
}

function busy(session: Session, holder: string | null = null): RservError {
  const who = holder === null ? '' : `: ${holder}`
  return new RservError('BUSY', `a replicator is already running for slave ${session.database}${who}`, {
    side: 'slave',
    sqlState: '55P03',
    hint:
      'Wait for it, or find it in pg_stat_activity (application_name beginning with rserv). rserv run takes over by ' +
      'itself when the other one has ended.',
  })
}

/** Reads the position; without the lock it may move at any time. */
export async function readPosition(session: Session, origin: string): Promise<SlavePosition> {
  return toPosition(await session.row(READ, [origin]))
}

function toPosition(row: Record<string, string | null> | undefined): SlavePosition {
  return {
    syncId: row?.['sync_id'] ?? null,
    position: row?.['position'] ?? null,
    token: row?.['token'] ?? null,
    serverName: row?.['server_name'] ?? null,
    ran: JSON.parse(row?.['ran'] ?? '[]') as string[],
  }
}

/** Where a slave is once a transfer is applied. */
export interface NewPosition {
  readonly syncId: string
  readonly position: Position
  readonly token: string
  readonly serverName: string
  readonly life?: string | null | undefined
}

/** Writes the new position; the caller's transaction holds the rows too, and commits both. */
export async function writePosition(
  session: Session,
  origin: string,
  now: NewPosition & { lineage?: readonly Held[] | undefined },
): Promise<void> {
  await session.run(writePositionStatement(origin, now))
  for (const statement of lineageStatements(origin, now.lineage ?? [])) await session.run(statement)
}

/**
 * The statement of `writePosition`, to be sent together with others. A slave that keeps a log writes its own position
 * just after beside it.
 */
export function writePositionStatement(origin: string, now: NewPosition): string {
  const { syncId, position, token, serverName } = now
  return heldStatement({ origin, syncId, position, token, life: now.life ?? null }, { serverName, via: null })
}

/** The statements that write down what the origin's state holds of others: that is what this slave holds of them now. */
export function lineageStatements(via: string, lineage: readonly Held[]): string[] {
  return lineage.map((held) => heldStatement(held, { serverName: null, via }))
}

function heldStatement(held: Held, { serverName, via }: { serverName: string | null; via: string | null }): string {
  const { origin, syncId, position, token, life } = held
  const values = [origin, syncId, position, token, serverName, life, via].map((value) =>
    value === null ? 'null' : quoteLiteral(value),
  )
  return `with moved as (
      insert into rserv.slave_sync as s (origin, sync_id, position, token, server_name, life, via, applied_at)
        values (${values.join(', ')}, pg_catalog.clock_timestamp())
        on conflict (origin) do update set sync_id = excluded.sync_id, position = excluded.position,
          token = excluded.token, server_name = coalesce(excluded.server_name, s.server_name), life = excluded.life,
          via = excluded.via, applied_at = excluded.applied_at
        returning origin, sync_id, position, token, life)
    insert into rserv.applied (own_xid, origin, sync_id, position, token, life, own_position)
      select pg_catalog.pg_current_xact_id(), m.origin, m.sync_id, m.position, m.token, m.life, rserv.own_position()
      from moved m, rserv.node n where n.keeps_log`
}

/** The statement that reads the position, without a right to move it. */
export function readPositionStatement(origin: string): string {
  return READ.replaceAll('$1', quoteLiteral(origin))
}

/** Statements that take the right to move the position, and read it: `free`, then the position's row. */
export function lockPositionStatements(origin: string): string[] {
  const lock = LOCK.replace('$1', quoteLiteral(origin))
  return [
    `select pg_catalog.pg_try_advisory_xact_lock(${lock}) as free`,
    `${readPositionStatement(origin)} for update nowait`,
  ]
}
