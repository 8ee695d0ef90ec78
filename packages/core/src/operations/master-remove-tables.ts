import type { ClientConfig } from 'pg'
import type { BackendResolver, TriggerBackend } from '../capture/contract.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { unguardStatements } from '../capture/guard.ts'
import { describeTable } from '../database/describe-table.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction, withLockRetry } from '../database/transaction.ts'
import { dropLog, logColumn, logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'
import { selectRegistered } from './select-registered.ts'

export interface RemoveTablesOptions extends CommonOptions {
  /** Names and patterns as typed; they are matched with the captured tables, which may be gone themselves. */
  tables: string[]
  all?: boolean | undefined
  backends: BackendResolver
  /** Milliseconds that one attempt waits for the table's lock; default 1000. */
  lockTimeoutMs?: number | undefined
  /** Attempts to get it; default 30. */
  attempts?: number | undefined
}

export interface RemovedTable {
  readonly table: QualifiedName
  readonly outcome: 'removed'
}

/**
 * Stops to capture tables and drops their logs. Nothing is left behind; each table in a transaction of its own.
 * @throws RservError NOT_REPLICATED, LOCK_TIMEOUT, BACKEND, NOT_INITIALISED, WRONG_ROLE
 */
export async function masterRemoveTables(
  master: ClientConfig,
  options: RemoveTablesOptions,
): Promise<{ tables: RemovedTable[] }> {
  await using session = await openSession(master, 'master', options)
  const captured = await inTransaction(session, async () => {
    await requireRole(session, 'master')
    return listReplicated(session)
  })
  const selected = selectRegistered(captured, options, { session })
  const removed: RemovedTable[] = []
  for (const table of selected) {
    await removeCapture(session, table, await options.backends(table.backend), options)
    removed.push({ table: table.table, outcome: 'removed' })
  }
  return { tables: removed }
}

/** Removes triggers, functions, logs and the record of one table, in one transaction. */
export async function removeCapture(
  session: Session,
  table: ReplicatedTable,
  backend: TriggerBackend,
  options: Pick<RemoveTablesOptions, 'attempts' | 'lockTimeoutMs' | 'onEvent'>,
): Promise<void> {
  const onWait = (attempt: number): void =>
    options.onEvent?.({
      kind: 'notice',
      message: `waiting for a lock on ${displayName(table.table)} (attempt ${attempt})`,
    })
  await withLockRetry(session, { ...options, onWait }, () => dropCapture(session, table, backend))
}

/** The same inside the caller's transaction. */
export async function dropCapture(session: Session, table: ReplicatedTable, backend: TriggerBackend): Promise<void> {
  for (const statement of await removal(session, table, backend)) await session.run(statement)
  await dropGuard(session, table)
  await session.run(`delete from ${TRUNCATE_LOG.schema}.${TRUNCATE_LOG.name} where table_id = $1`, [table.tableId])
  await session.run('delete from rserv.replicated_table where table_id = $1', [table.tableId])
}

/** A slave's own capture comes with a guard against others who write. */
async function dropGuard(session: Session, table: ReplicatedTable): Promise<void> {
  const now = await currentName(session, table)
  const description = now && (await describeTable(session, now))
  for (const statement of description ? unguardStatements(description) : []) await session.run(statement)
}

async function removal(session: Session, table: ReplicatedTable, backend: TriggerBackend): Promise<string[]> {
  const now = await currentName(session, table)
  const description = now && (await describeTable(session, now))
  const keyColumns = table.keyColumns.map((column, index) => ({
    column,
    logColumn: logColumn(index),
    type: 'text',
    kind: 'base' as const,
    equality: { schema: 'pg_catalog', name: '=' },
  }))
  const request = {
    tableId: table.tableId,
    table: now ?? table.table,
    partitioned: description?.kind === 'p',
    partitions: description?.partitions ?? [],
    keyColumns,
    granularity: table.granularity,
    keyUpdates: 'any' as const,
    log: logTable(table.tableId),
    truncateLog: TRUNCATE_LOG,
  }
  const statements = backend.remove(request)
  // A dropped table took its triggers along; DROP TRIGGER IF EXISTS on a missing table would still fail.
  const possible = now ? statements : statements.filter((sql) => !/^\s*drop trigger/i.test(sql))
  return [...possible, ...dropLog(table.tableId)]
}

/**
 * The captured table under the name that it has now; null when it was dropped. After a dump was restored its OID is
 * another one, and may be something else's: then the table of the recorded name has the triggers.
 */
async function currentName(session: Session, table: ReplicatedTable): Promise<QualifiedName | null> {
  const row = await session.row(
    `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and (c.oid = $1 or (n.nspname = $2 and c.relname = $3))
      order by exists (select from pg_trigger t join pg_proc p on p.oid = t.tgfoid
        where t.tgrelid = c.oid and p.pronamespace = 'rserv'::regnamespace) desc, n.nspname = $2 and c.relname = $3 desc
      limit 1`,
    [table.oid, table.table.schema, table.table.name],
  )
  return row ? { schema: row['schema'] ?? '', name: row['name'] ?? '' } : null
}
