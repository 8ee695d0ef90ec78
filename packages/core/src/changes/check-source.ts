import { countTriggers, GUARD_FUNCTION, needsRowTriggers } from '../capture/install.ts'
import { refuseUnsupported } from '../capture/refuse-table.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable, hasBeforeUpdate, hasNamedUpdates } from '../database/describe-table.ts'
import { partitionTree } from '../database/partition-tree.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'
import type { DatabaseNames } from '../shared/resync-command.ts'
import { resyncCommand } from '../shared/resync-command.ts'

/**
 * Is the table still the one that was captured, with all its triggers (cases 23, 75, 76)? A table that is not would
 * lose changes in silence.
 * @param slave the slave's database, for hints
 * @throws RservError CAPTURE_BROKEN, ROW_SECURITY, UNSUPPORTED_TABLE
 */
export async function checkSource(
  session: Session,
  table: ReplicatedTable,
  slave = 'SLAVE',
): Promise<TableDescription> {
  const broken = (message: string): RservError =>
    brokenCapture(message, { master: session.database, slave }, table.table)
  const name = displayName(table.table)
  const description = await describeTable(session, table.table)
  if (!description) throw broken(`table ${name} is captured but no longer there under this name`)
  if (description.oid !== table.oid) throw broken(`table ${name} was dropped and created again`)
  refuseUnsupported(description, session.side)
  for (const [index, key] of table.keyColumns.entries()) {
    const column = description.columns.find((candidate) => candidate.name === key)
    if (!column) throw broken(`key column ${key} of table ${name} is gone`)
    const number = table.keyNumbers[index]
    if (number !== undefined && column.number !== number) {
      throw broken(`key column ${key} of table ${name} is another one than was captured`)
    }
  }
  if (table.granularity === 'statement' && needsRowTriggers(description)) {
    throw broken(`table ${name} inherits from another table now: statements that name its parent are not captured`)
  }
  const triggers = await countTriggers(session, table.oid)
  if (triggers !== table.triggerCount) {
    throw broken(
      `table ${name} has ${triggers} of ${table.triggerCount} capture triggers enabled: changes may be missing`,
    )
  }
  const partition = await findUncaptured(session, table)
  if (partition !== null) {
    throw broken(`partition ${partition} of table ${name} lacks a capture trigger, or has it disabled`)
  }
  return description
}

/**
 * A partition that was captured and is not any more: row triggers come with the table's own, and can be disabled on
 * each partition; triggers on TRUNCATE are each partition's own.
 */
const UNCAPTURED = `select p.oid::regclass::text as partition
  from pg_class p join pg_trigger t on t.tgrelid = $1::oid join pg_proc f on f.oid = t.tgfoid
    join pg_namespace n on n.oid = f.pronamespace and n.nspname = 'rserv' and f.proname <> '${GUARD_FUNCTION}'
  where p.oid = any ($2::oid[]) and p.oid in (${partitionTree('$1')})
    and not exists (select from pg_trigger c where c.tgrelid = p.oid and c.tgfoid = t.tgfoid and c.tgtype = t.tgtype
      and c.tgenabled in ('O', 'A'))
  order by 1 limit 1`

async function findUncaptured(session: Session, { oid, partitionOids }: ReplicatedTable): Promise<string | null> {
  if (partitionOids.length === 0) return null
  const row = await session.row(UNCAPTURED, [oid, `{${partitionOids.join(',')}}`])
  return row?.['partition'] ?? null
}

/** The conditions of `checkSource` that a healthy ordinary table meets; a partitioned one is always looked at. */
const HEALTHY = `n.nspname = r.schema_name and c.relname = r.table_name and c.relkind = 'r' and c.relpersistence = 'p'
  and r.fingerprint ->> 'entry' = c.xmin::text
  and not c.relispartition and not row_security_active(c.oid) and g.triggers = r.trigger_count
  and (r.granularity = 'row' or not exists (select from pg_inherits h where h.inhrelid = c.oid))
  and not (${hasNamedUpdates('c.oid')} and ${hasBeforeUpdate('c.oid')})
  and cardinality(r.key_columns) = (select count(*) from pg_attribute a
    where a.attrelid = c.oid and a.attnum = any (r.key_numbers) and a.attname::text = any (r.key_columns)
      and position(' ' || a.attnum || ':' || a.xmin || ' ' in ' ' || (r.fingerprint ->> 'columns') || ' ') > 0)`

const SUSPECTS = `select r.table_id from rserv.replicated_table r
  left join pg_class c on c.oid = r.table_oid left join pg_namespace n on n.oid = c.relnamespace
  left join (select t.tgrelid, count(*) as triggers from pg_trigger t join pg_proc p on p.oid = t.tgfoid
      join pg_namespace pn on pn.oid = p.pronamespace
      where pn.nspname = 'rserv' and t.tgenabled in ('O', 'A') and p.proname <> '${GUARD_FUNCTION}' group by 1) g on g.tgrelid = c.oid
  where r.table_id = any ($1::integer[]) and not coalesce(${HEALTHY}, false)`

/**
 * The tables that `checkSource` should look at: one statement for all, because a thousand tables are seldom anything
 * but healthy.
 */
export async function findSuspects(session: Session, tables: readonly ReplicatedTable[]): Promise<ReplicatedTable[]> {
  const rows = await session.query(SUSPECTS, [`{${tables.map((table) => table.tableId).join(',')}}`])
  const ids = new Set(rows.map((row) => Number(row['table_id'])))
  return tables.filter((table) => ids.has(table.tableId))
}

function brokenCapture(message: string, names: DatabaseNames, table: QualifiedName): RservError {
  return new RservError('CAPTURE_BROKEN', message, {
    side: 'master',
    hint:
      `Run, for each slave: ${resyncCommand(names, table)} (it captures the table anew, and the next replicate copies ` +
      'it whole). After a rename give it its name back first.',
  })
}
