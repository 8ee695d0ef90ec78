import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'

/**
 * Notices partitions that were created, attached, detached or dropped since the last time. Rows come and go with
 * them and fire no trigger (case 60), so all slaves get the table whole, as after a TRUNCATE; and new partitions get
 * the truncate trigger that PostgreSQL does not clone (case 56). Commit is the caller's.
 */
export async function refreshPartitions(
  session: Session,
  table: ReplicatedTable,
  now: TableDescription,
): Promise<void> {
  const oids = now.partitions.map((partition) => partition.oid)
  if (oids.length === table.partitionOids.length && oids.every((oid) => table.partitionOids.includes(oid))) return
  for (const partition of now.partitions) {
    if (!table.partitionOids.includes(partition.oid)) await cloneTruncateTriggers(session, table.oid, partition)
  }
  await session.run('update rserv.replicated_table set partition_oids = $2 where table_id = $1', [
    table.tableId,
    `{${oids.join(',')}}`,
  ])
  await session.run('insert into rserv.truncate_log (xid, table_id) values (pg_current_xact_id(), $1)', [table.tableId])
}

/** Gives a partition the root's own truncate triggers, whatever backend made them. */
async function cloneTruncateTriggers(
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
  for (const { name, schema, function: fn } of triggers) {
    await session.run(
      `create or replace trigger ${quoteIdent(name ?? '')} after truncate on ${quoteName(partition)}
        for each statement execute function ${quoteIdent(schema ?? '')}.${quoteIdent(fn ?? '')}()`,
    )
  }
}
