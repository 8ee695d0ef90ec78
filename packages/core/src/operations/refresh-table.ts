import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { contentChange } from '../changes/content-change.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { logTable } from '../log/log-table.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteIdent, quoteName } from '../shared/names.ts'

/**
 * Notices what changed rows without firing a trigger since the last time: partitions attached, detached or dropped
 * (case 60), columns rewritten or added with values (cases 128, 129). All slaves then get the table whole, as after a
 * TRUNCATE; and new partitions get the truncate trigger that PostgreSQL does not clone (case 56). Commit is the caller's.
 */
export async function refreshTable(session: Session, table: ReplicatedTable, now: TableDescription): Promise<void> {
  const change = contentChange(table, now)
  if (change === 'none') return
  for (const partition of now.partitions) {
    if (!table.partitionOids.includes(partition.oid)) await cloneTruncateTriggers(session, table.oid, partition)
  }
  await session.run('update rserv.replicated_table set partition_oids = $2, fingerprint = $3 where table_id = $1', [
    table.tableId,
    `{${now.partitions.map((partition) => partition.oid).join(',')}}`,
    JSON.stringify(now.fingerprint),
  ])
  if (change !== 'rows' && !(await hasUnknownKeys(session, table, now))) return
  await session.run('insert into rserv.truncate_log (xid, table_id) values (pg_current_xact_id(), $1)', [table.tableId])
}

/** A key column that was renamed, and renamed back: what was written between is in the log without its key (case 81). */
async function hasUnknownKeys(session: Session, table: ReplicatedTable, now: TableDescription): Promise<boolean> {
  if (table.fingerprint?.columns === now.fingerprint.columns) return false
  for (const generation of [0, 1] as const) {
    const log = quoteName(logTable(table.tableId, generation))
    const row = await session.row(`select exists (select from ${log} l where not (l is not null)) as unknown`)
    if (row?.['unknown'] === 't') return true
  }
  return false
}

/** Milliseconds to wait for the lock on a new partition. */
const LOCK_TIMEOUT_MS = 200

function inUse(partition: QualifiedName, cause: unknown): RservError {
  return new RservError(
    'LOCK_TIMEOUT',
    `partition ${displayName(partition)} is new, and a transaction that is still open has written it`,
    {
      side: 'master',
      sqlState: '55P03',
      hint: 'It needs a trigger on TRUNCATE first. Nothing was changed: run the command again when the transaction has ended.',
      cause,
    },
  )
}

/** Gives a partition the root's own truncate triggers, whatever backend made them. */
export async function cloneTruncateTriggers(
  session: Session,
  rootOid: string,
  partition: { readonly schema: string; readonly name: string },
): Promise<void> {
  // TRUNCATE is bit 5 of tgtype.
  const triggers = await session.query(
    `select t.tgname as name, pn.nspname as schema, p.proname as function
      from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
      where t.tgrelid = $1 and t.tgtype & 32 <> 0 and pn.nspname = 'rserv'`,
    [rootOid],
  )
  // Whoever writes the partition would wait behind a lock that waits.
  await session.run(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`)
  try {
    for (const { name, schema, function: fn } of triggers) {
      await session.run(
        `create or replace trigger ${quoteIdent(name ?? '')} after truncate on ${quoteName(partition)}
          for each statement execute function ${quoteIdent(schema ?? '')}.${quoteIdent(fn ?? '')}()`,
      )
    }
  } catch (error) {
    throw codeOf(error) === '55P03' ? inUse(partition, error) : error
  }
  await session.run('set local lock_timeout = 0')
}
