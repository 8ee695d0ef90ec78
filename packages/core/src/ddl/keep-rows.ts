import { travellingColumns } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Changed } from '../changes/changed-tables.ts'
import { areFew, changedTables } from '../changes/changed-tables.ts'
import { changedColumns, changedKeysWithRows, PLAN_ANYTHING, planForLog, source } from '../changes/read-rows.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { tryWork } from '../database/transaction.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { includes, meet } from '../shared/position.ts'
import type { TableThen } from './script.ts'

/** The table that holds the rows of one captured table as of a script's point. */
export function keptTable(scriptId: string, tableId: number): QualifiedName {
  return { schema: 'rserv', name: `kept_${scriptId}_${tableId}` }
}

export function keptColumn(index: number): string {
  return `c${index + 1}`
}

/** A slave that has to be brought to the point. */
interface Behind {
  readonly position: Position
  readonly tableIds: readonly number[]
}

const BEHIND = `select coalesce(json_agg(json_build_object('position', position::text, 'tableIds', table_ids)), '[]')
  from rserv.server where position is not null and detached_at is null`

export interface Kept {
  /** Slaves at or after it are served; null: there are none. */
  readonly since: Position | null
  readonly tables: readonly TableThen[]
}

/**
 * Keeps on the master what its slaves still lack of the moment before a script: for the keys that changed since the
 * positions that they confirmed the rows of now, as the transaction's snapshot sees them. The script may then change
 * the tables in any way, and the application go on writing: a slave can be brought to exactly this point at any time.
 */
export async function keepRows(
  session: Session,
  captured: readonly ReplicatedTable[],
  scriptId: string,
): Promise<Kept> {
  const servers = (await session.json<Behind[]>(BEHIND)).filter(isServed(captured))
  const [first, ...others] = servers.map(({ position }) => position)
  if (first === undefined) return { since: null, tables: captured.map(unchanged) }
  const since = others.reduce(meet, first)
  const held = captured.filter(({ tableId }) => servers.some(({ tableIds }) => tableIds.includes(tableId)))
  const wanted = held.map(({ tableId }) => ({ tableId, copy: false, since }))
  const changes = await changedTables(session, wanted)
  const tables: TableThen[] = []
  for (const table of captured) {
    const changed = changes.get(table.tableId)
    const now = changed && changed.mode !== 'unchanged' ? await describeTable(session, table.table) : null
    // One that is not there under its name is refused by every transfer.
    tables.push(changed && now ? await keepTable(session, { table, now, changed, since, scriptId }) : unchanged(table))
  }
  return { since, tables }
}

/** Can the log serve it still? One that it cannot has to copy its tables anew. */
function isServed(captured: readonly ReplicatedTable[]): (server: Behind) => boolean {
  return ({ position, tableIds }) =>
    captured.every(({ tableId, logStart }) => !tableIds.includes(tableId) || includes(position, logStart))
}

function unchanged({ tableId, table, keyColumns }: ReplicatedTable): TableThen {
  return { tableId, table, keyColumns, mode: 'unchanged', columns: [] }
}

interface Keeping {
  readonly table: ReplicatedTable
  readonly now: TableDescription
  readonly changed: Changed
  readonly since: Position
  readonly scriptId: string
}

async function keepTable(session: Session, { table, now, changed, since, scriptId }: Keeping): Promise<TableThen> {
  const columns = travellingColumns(now).map(({ name, type }) => ({ name, type }))
  const name = quoteName(keptTable(scriptId, table.tableId))
  const few = areFew(changed.logRows, now.estimatedRows)
  const whole = changed.mode === 'copy'
  const request = { table, description: now, since, few }
  const values = whole ? columns.map((column) => `t.${quoteIdent(column.name)}`) : changedColumns(request)
  const list = values.map((value, index) => `${value} as ${keptColumn(index)}`)
  if (!whole) list.unshift('t.tableoid is null as gone')
  const from = whole ? `${source(now)} t` : changedKeysWithRows(request)
  await session.run(planForLog(few))
  await session.run(`create table ${name} as select ${list.join(', ')} from ${from}`)
  await session.run(PLAN_ANYTHING)
  await session.run(
    `do $$ begin execute format('grant select on ${name.replaceAll("'", "''")} to %s',
      (select nspowner::regrole from pg_namespace where nspname = 'rserv')); end $$`,
  )
  return { tableId: table.tableId, table: table.table, keyColumns: table.keyColumns, mode: changed.mode, columns }
}

/** Milliseconds to wait for whoever reads them still. */
const DROP_TIMEOUT_MS = 500

/**
 * Drops what was kept for scripts that every slave has run. Whoever is in the way, or made them and is somebody else,
 * leaves them to the next time. Inside a transaction.
 */
export async function dropKept(session: Session): Promise<void> {
  const done = await session.query(
    `select d.ddl_id, c.relname from rserv.ddl d left join pg_class c
        on c.relnamespace = 'rserv'::regnamespace and c.relname ~ ('^kept_' || d.ddl_id || '_[0-9]+$')
      where d.kept_since is not null and not exists (select from rserv.server v where v.position is not null and v.detached_at is null
        and not pg_visible_in_snapshot(d.xid, v.position) and v.ddl_id < d.ddl_id)`,
  )
  if (done.length === 0) return
  await tryWork(session, ['42501', '55P03'], async () => {
    await session.run(`set local lock_timeout = ${DROP_TIMEOUT_MS}`)
    for (const { relname } of done) {
      if (relname) await session.run(`drop table rserv.${quoteIdent(relname)}`)
    }
    await session.run(`update rserv.ddl set kept_since = null where ddl_id = any ($1::bigint[])`, [
      `{${done.map((row) => row['ddl_id']).join(',')}}`,
    ])
    return true
  })
}
