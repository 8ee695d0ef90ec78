import { filledColumns } from '../ddl/filled-columns.ts'
import type { Script, TableEffect } from '../ddl/script.ts'
import { runScript } from '../ddl/run-script.ts'
import { partitionTree } from '../database/partition-tree.ts'
import type { Session } from '../database/session.ts'
import { tryWork } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteName, sameName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'

/**
 * Runs a script of the master inside the transfer's transaction, unless it was run here before, and notes that. Tables
 * whose rows may differ from the master's afterwards are copied by the next transfer.
 * @throws RservError SCRIPT
 */
export async function applyScript(
  session: Session,
  script: Script,
  { origin, to }: { origin: string; to: Position },
): Promise<void> {
  const noted = await session.row('select from rserv.slave_ddl where token = $1', [script.token])
  if (noted) return
  const before = await countWrites(session)
  if (!script.skip) await run(session, script)
  const written = await writtenSince(session, before)
  session.reach('apply.script')
  await moveRegistrations(session, script.effects)
  const renamed = written.map(
    (table) => script.effects.find((effect) => sameName(effect.before, table))?.after ?? table,
  )
  await copyAgain(session, [...renamed, ...(await differing(session, script.effects))])
  await session.run(
    'insert into rserv.slave_ddl (origin, ddl_id, token, checksum, position, skipped) values ($1, $2, $3, $4, $5, $6)',
    [origin, script.id, script.token, script.checksum, to, script.skip],
  )
}

/**
 * Milliseconds that a script waits for a lock: readers of the slave queue behind it meanwhile, and should not be ended for
 * a deadlock with it either (deadlock_timeout is usually a second).
 */
const LOCK_TIMEOUT_MS = 500

async function run(session: Session, script: Script): Promise<void> {
  // Triggers, rules and foreign keys are off for the rows of a transfer; a script finds all as its author knows it.
  await tryWork(session, ['42501'], () => session.run('set local session_replication_role = origin').then(() => true))
  await session.run(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`)
  try {
    await runScript(session, script)
  } catch (error) {
    throw error instanceof RservError ? explain(error, script.id) : error
  }
}

function explain(error: RservError, id: string): RservError {
  const { code, message, side, sqlState } = error
  if (code === 'LOCK_TIMEOUT') {
    return new RservError('LOCK_TIMEOUT', `script ${id} gets no lock on the slave: somebody uses its tables`, {
      side,
      sqlState,
      hint: 'Nothing was changed there; it is tried again. End long transactions on the slave (pg_stat_activity).',
      cause: error,
    })
  }
  if (code !== 'SCRIPT') return error
  const hint =
    `${error.hint ?? ''} The slave stays before it, and every transfer tries it again. If its changes are there already: ` +
    `rserv ddl … --skip ${id}`
  return new RservError('SCRIPT', `script ${id}: ${message}`, { side, sqlState, hint, cause: error })
}

interface Writes {
  readonly oid: string
  readonly table: QualifiedName
  readonly count: string
  /** Some lock of a writer is held: all there is to go by where the server does not count. */
  readonly locked: boolean
}

const WRITES = `select coalesce(json_agg(json_build_object('oid', t.oid::text,
    'table', json_build_object('schema', t.schema, 'name', t.name), 'count', t.count::text, 'locked', t.locked)), '[]')
  from (select c.oid, coalesce(k.schema_name, n.nspname) as schema, coalesce(k.table_name, c.relname) as name,
      (select sum(pg_stat_get_xact_tuples_inserted(p.relid) + pg_stat_get_xact_tuples_updated(p.relid)
        + pg_stat_get_xact_tuples_deleted(p.relid)) from (${partitionTree('c.oid')}) p) as count,
      not current_setting('track_counts')::boolean and exists (select from pg_locks l join (${partitionTree('c.oid')}) p
        on p.relid = l.relation where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.mode = 'RowExclusiveLock') as locked
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join rserv.slave_table k on k.schema_name = n.nspname and k.table_name = c.relname
    where case when $1::oid[] is null then k.table_name is not null else c.oid = any ($1) end) t`

/** Rows that this transaction has written so far, of each registered table, or of those of before. */
function countWrites(session: Session, before?: readonly Writes[]): Promise<Writes[]> {
  return session.json<Writes[]>(WRITES, [before ? `{${before.map(({ oid }) => oid).join(',')}}` : null])
}

/** The registered tables, under their former names, whose rows were written since. */
async function writtenSince(session: Session, before: readonly Writes[]): Promise<QualifiedName[]> {
  const now = await countWrites(session, before)
  return before.flatMap(({ oid, table, count }) => {
    const after = now.find((one) => one.oid === oid)
    return after && (after.count !== count || after.locked) ? [table] : []
  })
}

const MOVE = `with moves as (select * from json_to_recordset($1)
      as m (schema text, name text, new_schema text, new_name text, new_keys json)),
    gone as (delete from rserv.slave_table s using moves m where s.schema_name = m.schema and s.table_name = m.name
      returning s.*, m.new_schema, m.new_name, m.new_keys)
  insert into rserv.slave_table (schema_name, table_name, key_columns, state, origin, parked_at, parked_code, parked_message, added_at)
    select new_schema, new_name, (select array_agg(k) from json_array_elements_text(new_keys) k), state, origin, parked_at,
      parked_code, parked_message, added_at
    from gone where new_name is not null and (select count(*) from gone) >= 0`

/** Registrations follow names and keys; those of dropped tables go. Two tables may have changed names. */
async function moveRegistrations(session: Session, effects: readonly TableEffect[]): Promise<void> {
  const moves = effects.map(({ before, after, keyColumns }) => ({
    ...before,
    new_schema: after?.schema,
    new_name: after?.name,
    new_keys: keyColumns,
  }))
  await session.run(MOVE, [JSON.stringify(moves)])
}

/** The tables whose rows the script left different from the master's, or perhaps so. */
async function differing(session: Session, effects: readonly TableEffect[]): Promise<QualifiedName[]> {
  const found: QualifiedName[] = []
  for (const { after, rows, filled } of effects) {
    if (after === null || rows === 'same') continue
    if (rows === 'whole' || !(await isFilledAlike(session, after, filled))) found.push(after)
  }
  return found
}

/** The value of a column that was added without rewriting rows is in the catalog: the same here and on the master? */
async function isFilledAlike(
  session: Session,
  table: QualifiedName,
  filled: Readonly<Record<string, string>>,
): Promise<boolean> {
  const here = await filledColumns(session, quoteName(table))
  return Object.entries(filled).every(([name, value]) => here[name]?.length === 1 && here[name][0] === value)
}

async function copyAgain(session: Session, tables: readonly QualifiedName[]): Promise<void> {
  for (const { schema, name } of tables) {
    await session.run(
      `update rserv.slave_table set state = 'new' where schema_name = $1 and table_name = $2 and state = 'synced'`,
      [schema, name],
    )
  }
}
