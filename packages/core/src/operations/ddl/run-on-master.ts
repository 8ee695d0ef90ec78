import { createHash } from 'node:crypto'
import type { BackendResolver } from '../../capture/contract.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { listReplicated } from '../../capture/replicated-tables.ts'
import { ACTIVE } from '../../changes/active-tables.ts'
import { lockStatement } from '../../changes/read-transaction.ts'
import type { Session } from '../../database/session.ts'
import type { LockRetry } from '../../database/transaction.ts'
import { inTransaction, withLockRetry } from '../../database/transaction.ts'
import { keepRows } from '../../ddl/keep-rows.ts'
import type { TableThen } from '../../ddl/script.ts'
import { runScript } from '../../ddl/run-script.ts'
import { codeOf } from '../../shared/errors.ts'
import type { CommonOptions } from '../../shared/events.ts'
import { quoteName } from '../../shared/names.ts'
import type { Position } from '../../shared/position.ts'
import { dropCapture } from '../master-remove-tables.ts'
import { rebuildCapture } from './rebuild-capture.ts'

export interface RunOptions extends CommonOptions, Pick<LockRetry, 'attempts' | 'lockTimeoutMs'> {
  readonly script: string
  readonly backends: BackendResolver
}

/** SHA-256 of a script, hexadecimal. */
export function checksumOf(script: string): string {
  return createHash('sha256').update(script, 'utf8').digest('hex')
}

/** The last script of that checksum that was run on the master, or null. Inside a transaction. */
export async function findRun(session: Session, checksum: string): Promise<string | null> {
  const row = await session.row('select max(ddl_id) as id from rserv.ddl where checksum = $1', [checksum])
  return row?.['id'] ?? null
}

/** Locks that a script takes on tables that it may alter: stronger than those of writers. */
const STRONG = `('ShareUpdateExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')`

/** What an attempt taught: the script is to be run anew, under these conditions. */
class Again extends Error {
  readonly tables: readonly ReplicatedTable[]

  constructor(tables: readonly ReplicatedTable[]) {
    super('the script alters tables that were not locked before it')
    this.tables = tables
  }
}

/**
 * Runs a script on the master, in one transaction with everything that it entails: writers of the tables that it
 * alters are kept away from before the script's point on, what slaves lack of that moment is kept, the capture is put
 * right, and the script is recorded for them. All of it or nothing.
 * @returns the script's id
 * @throws RservError SCRIPT, LOCK_TIMEOUT, NO_KEY, UNSUPPORTED_TABLE, …; nothing was changed
 */
export async function runOnMaster(session: Session, options: RunOptions): Promise<string> {
  const captured = await inTransaction(session, () => listReplicated(session))
  const there = await inTransaction(session, () => listThere(session, captured))
  const lockable = there.filter(({ mayLock }) => mayLock).map(({ table }) => table)
  const read = there.filter(({ filled }) => filled).map(({ table }) => table)
  const locked = new Set(lockable.filter(({ table }) => names(options.script, table.name)))
  let refused: unknown
  for (;;) {
    try {
      const retry: LockRetry = {
        ...lockPatience(options),
        isolation: 'repeatable read',
        onWait: (n) => tellWait(options, n),
      }
      const attempt: Attempt = { captured, locked, read, uncaptured: refused !== undefined, first: undefined }
      const id = await withLockRetry(session, retry, () => runOnce(session, attempt, options))
      session.reach('ddl.committed')
      return id
    } catch (error) {
      if (error instanceof Again) error.tables.forEach((table) => locked.add(table))
      // A trigger may stand against what the script does to a key column: once more with the capture taken away.
      else if (codeOf(error) === '0A000' && refused === undefined && locked.size > 0) refused = error
      else throw codeOf(error) === '0A000' ? (refused ?? error) : error
    }
  }
}

function tellWait({ onEvent }: RunOptions, attempt: number): void {
  onEvent?.({ kind: 'notice', message: `waiting for the locks of the script's tables (attempt ${attempt})` })
}

/** Does the text mention the name? A mistake costs a lock that was not needed, or a second run. */
function names(script: string, name: string): boolean {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`(?<![\\p{L}\\p{N}_$])${escaped}(?![\\p{L}\\p{N}_$])`, 'iu').test(script)
}

interface There {
  readonly table: ReplicatedTable
  /** So that nobody writes. */
  readonly mayLock: boolean
  /** Slaves may lack rows of it. */
  readonly filled: boolean
}

const THERE = `select r.table_id, r.table_id in (${ACTIVE}) as filled,
    has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE') as may_lock
  from rserv.replicated_table r join pg_class c on c.oid = r.table_oid and c.relname = r.table_name
  join pg_namespace n on n.oid = c.relnamespace and n.nspname = r.schema_name`

/** The captured tables that are there under their names. */
async function listThere(session: Session, captured: readonly ReplicatedTable[]): Promise<There[]> {
  const rows = await session.query(THERE)
  return rows.flatMap((row) => {
    const table = captured.find(({ tableId }) => String(tableId) === row['table_id'])
    return table ? [{ table, mayLock: row['may_lock'] === 't', filled: row['filled'] === 't' }] : []
  })
}

interface Attempt {
  readonly captured: readonly ReplicatedTable[]
  readonly locked: ReadonlySet<ReplicatedTable>
  /** Those of which rows may be kept. */
  readonly read: readonly ReplicatedTable[]
  /** Take the capture of the locked tables away before the script. */
  readonly uncaptured: boolean
  /** The one that was not free the last time. */
  first: ReplicatedTable | undefined
}

/**
 * Whoever holds one of the locks may want the next that we have already, and the server would end the application's
 * transaction: we give way before it looks for a deadlock (deadlock_timeout, usually a second).
 */
const LOCK_TIMEOUT_MS = 500
const ATTEMPTS = 60

interface Patience {
  readonly lockTimeoutMs: number
  readonly attempts: number
}

function lockPatience({ lockTimeoutMs = LOCK_TIMEOUT_MS, attempts = ATTEMPTS }: RunOptions): Patience {
  return { lockTimeoutMs, attempts }
}

/** Waits for one table at most, and holds none meanwhile: for that which was not free the last time. */
async function lockTables(session: Session, attempt: Attempt): Promise<void> {
  await session.run(lockStatement(attempt.read))
  const { first, locked } = attempt
  const tables = first ? [first, ...[...locked].filter((table) => table !== first)] : [...locked]
  for (const [index, table] of tables.entries()) {
    const noWait = index === 0 ? '' : ' nowait'
    try {
      await session.run(`lock table ${quoteName(table.table)} in share row exclusive mode${noWait}`)
    } catch (error) {
      attempt.first = table
      throw error
    }
  }
}

async function runOnce(session: Session, attempt: Attempt, options: RunOptions): Promise<string> {
  const { captured, locked } = attempt
  // Locks come before the snapshot, so that it has seen all that their former holders wrote; one script at a time.
  await session.run('lock table rserv.ddl in share row exclusive mode')
  await lockTables(session, attempt)
  const now = await session.row(
    'select pg_current_snapshot()::text as position, coalesce(max(ddl_id), 0) + 1 as id from rserv.ddl',
  )
  const [position, id] = [now?.['position'] ?? '', now?.['id'] ?? '']
  session.reach('ddl.locked')
  const kept = await keepRows(session, captured, id)
  refuseUnread(kept.tables, attempt)
  session.reach('ddl.kept')
  const removed = attempt.uncaptured ? await removeCaptures(session, locked, options) : new Set<number>()
  const script = { text: options.script, searchPath: session.searchPath }
  await runScript(session, script, lockPatience(options))
  session.reach('ddl.run')
  await refuseUnlocked(session, attempt)
  const effects = await rebuildCapture(session, { captured, touched: locked, removed, backends: options.backends })
  session.reach('ddl.captured')
  await record(session, { id, script, position, kept, effects })
  session.reach('ddl.recorded')
  return id
}

async function removeCaptures(
  session: Session,
  tables: ReadonlySet<ReplicatedTable>,
  { backends }: RunOptions,
): Promise<Set<number>> {
  for (const table of tables) await dropCapture(session, table, await backends(table.backend))
  return new Set([...tables].map(({ tableId }) => tableId))
}

/** A table may be truncated after the snapshot, which then finds it empty, unless it was locked before. */
function refuseUnread(kept: readonly TableThen[], { captured, locked, read }: Attempt): void {
  const ids = new Set(kept.filter(({ mode }) => mode !== 'unchanged').map(({ tableId }) => tableId))
  const missed = captured.filter((table) => ids.has(table.tableId) && !read.includes(table) && !locked.has(table))
  if (missed.length > 0) throw new Again(missed)
}

/** Whoever wrote a table between the point and the script's own lock would make the point another one for slaves. */
async function refuseUnlocked(session: Session, { captured, locked }: Attempt): Promise<void> {
  const rows = await session.query(
    `select relation from pg_locks where pid = pg_backend_pid() and locktype = 'relation' and granted and mode in ${STRONG}`,
  )
  const touched = new Set(rows.map((row) => row['relation']))
  const missed = captured.filter(
    (table) => !locked.has(table) && [table.oid, ...table.partitionOids].some((oid) => touched.has(oid)),
  )
  if (missed.length > 0) throw new Again(missed)
}

interface Recorded {
  readonly id: string
  readonly script: { readonly text: string; readonly searchPath: string }
  readonly position: Position
  readonly kept: Awaited<ReturnType<typeof keepRows>>
  readonly effects: Awaited<ReturnType<typeof rebuildCapture>>
}

async function record(session: Session, { id, script, position, kept, effects }: Recorded): Promise<void> {
  await session.run(
    `insert into rserv.ddl (ddl_id, script, checksum, search_path, position, xid, kept_since, tables, effects)
      values ($1, $2, $3, $4, $5, pg_current_xact_id(), $6, $7, $8)`,
    [
      id,
      script.text,
      checksumOf(script.text),
      script.searchPath,
      position,
      kept.since,
      JSON.stringify(kept.tables),
      JSON.stringify(effects),
    ],
  )
}
