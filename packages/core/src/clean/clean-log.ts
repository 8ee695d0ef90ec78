import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { tryWork } from '../database/transaction.ts'
import type { Generation } from '../log/log-table.ts'
import { GATE, logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import { byIndex, LOGS_BY_INDEX } from '../log/by-index.ts'
import { seenIn, xidLiteral } from '../log/log-xid.ts'
import { quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { includes, join, xmaxOf, xminOf } from '../shared/position.ts'

/** The condition on a log row's `xid` that everybody at or beyond `limit` has seen it. */
function seenBy(limit: Position): string {
  return `xid < ${xidLiteral(xmaxOf(limit))} and ${seenIn(limit)}`
}

/**
 * Removes the log rows that `limit` has seen and moves the start of the table's log, in the caller's transaction, which
 * need not be short: it keeps nobody waiting.
 * @param only the generation that is written; default: both
 * @returns rows removed
 */
export async function deleteSeen(
  session: Session,
  table: ReplicatedTable,
  limit: Position,
  { only = false } = {},
): Promise<number> {
  // Without ONLY the statement reaches both generations, of which one is the other's child.
  const log = only ? `only ${quoteName(logTable(table.tableId, table.generation))}` : quoteName(logTable(table.tableId))
  const deleted = await session.run(`delete from ${log} where ${seenBy(limit)}`)
  const truncates = await session.run(
    `delete from ${quoteName(TRUNCATE_LOG)} where table_id = ${table.tableId} and ${seenBy(limit)}`,
  )
  if (deleted + truncates > 0) await moveLogStart(session, table, limit)
  return deleted + truncates
}

/** The condition that somebody may still need a row: the index finds these, however long the log is. */
function neededBeyond(limit: Position): string {
  return `xid >= ${xidLiteral(xminOf(limit))} and not (${seenBy(limit)})`
}

/** At most this many rows that a slave still needs are moved, so that the rest can go by TRUNCATE. */
const MOVE_AT_MOST = 10_000

/**
 * Empties the generation that is not written by TRUNCATE, whose cost does not grow with the rows, after moving the
 * few rows that are still needed to the other one, and moves the start of the table's log. Never waits: a waiting
 * TRUNCATE would hold up the application (case 182). Readers lock the gate before their snapshot, so none can miss a
 * moved row; the caller's transaction should be short, for theirs.
 * @returns rows removed, an estimate where the log is large; undefined where it could not be done now
 */
export async function emptyResting(
  session: Session,
  table: ReplicatedTable,
  limit: Position,
): Promise<number | undefined> {
  const resting: Generation = table.generation === 0 ? 1 : 0
  const log = quoteName(logTable(table.tableId, resting))
  const written = quoteName(logTable(table.tableId, table.generation))
  const any = await session.row('select pg_relation_size($1::regclass) > 0 as filled', [log])
  if (any?.['filled'] !== 't') return 0
  return tryWork(session, ['55P03'], async () => {
    // Nobody reads any log meanwhile: readers trust a log that holds nothing.
    await session.run(`lock table ${quoteName(GATE)}, only ${log} in access exclusive mode nowait`)
    const { total, needed } = await countRows(session, log, limit)
    if (needed > MOVE_AT_MOST) return undefined
    if (needed > 0) await session.run(`insert into ${written} select * from only ${log} where ${neededBeyond(limit)}`)
    await session.run(`truncate only ${log}`)
    if (total > needed) await moveLogStart(session, table, limit)
    return total - needed
  })
}

/** A larger log is not read to count what is removed. */
const COUNT_UP_TO_BYTES = 16 * 1024 * 1024
/** Pages that tell how many rows are on one of a larger log. */
const SAMPLED_PAGES = 100

/** Rows of one generation, and how many of them are needed; counting these stops where they are too many to be moved. */
async function countRows(session: Session, log: string, limit: Position): Promise<{ total: number; needed: number }> {
  const size = await session.row(
    `select pg_relation_size($1::regclass) > ${COUNT_UP_TO_BYTES} as large,
      pg_relation_size($1::regclass) / current_setting('block_size')::integer as pages`,
    [log],
  )
  const large = size?.['large'] === 't'
  // Statistics of a log are always stale: the planner may not know that few of its rows are needed.
  if (large) await session.run(LOGS_BY_INDEX)
  const total = large
    ? `(select count(*) from only ${log} where ctid < '(${SAMPLED_PAGES},0)') * ${size['pages']} / ${SAMPLED_PAGES}`
    : `(select count(*) from only ${log})`
  const row = await session.row(
    `select ${total} as total, (select count(*) from
      (select from only ${log} where ${neededBeyond(limit)} limit ${MOVE_AT_MOST + 1}) as still) as needed`,
  )
  return { total: Number(row?.['total']), needed: Number(row?.['needed']) }
}

/** From this size on the written generation changes places with the resting one, to be emptied as a whole. */
const ROTATE_FROM_BYTES = 8 * 1024 * 1024

/** Is the written generation large enough for its rows to be worth a change, and the other one free? */
export async function shouldRotate(session: Session, table: ReplicatedTable): Promise<boolean> {
  const written = quoteName(logTable(table.tableId, table.generation))
  const resting = quoteName(logTable(table.tableId, table.generation === 0 ? 1 : 0))
  const row = await session.row(
    `select pg_relation_size($1::regclass) >= $2 and not exists (select from only ${resting}) as rotate`,
    [written, ROTATE_FROM_BYTES],
  )
  return row?.['rotate'] === 't'
}

/** Are there log rows that `upTo` has seen and `position` has not? */
export async function holdsRows(
  session: Session,
  tables: readonly ReplicatedTable[],
  { upTo, position }: { upTo: Position; position: Position },
): Promise<boolean> {
  if (includes(position, upTo)) return false
  for (const { tableId } of tables) {
    const held = `select from ${quoteName(logTable(tableId))} where ${seenBy(upTo)} and xid >= ${xidLiteral(xminOf(position))}
      and not ${seenIn(position)}`
    const [row] = await byIndex(session, `select exists (${held}) as held`)
    if (row?.['held'] === 't') return true
  }
  return false
}

/** Positions that have not seen all of `limit` cannot be served from this log any more. */
async function moveLogStart(session: Session, table: ReplicatedTable, limit: Position): Promise<void> {
  await session.run('update rserv.replicated_table set log_start = $2 where table_id = $1', [
    table.tableId,
    join(table.logStart, limit),
  ])
}
