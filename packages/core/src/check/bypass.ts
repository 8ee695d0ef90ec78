import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { partitionTree } from '../database/partition-tree.ts'
import type { Session } from '../database/session.ts'
import { logTable } from '../log/log-table.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteIdent, quoteName } from '../shared/names.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

/**
 * Rows written since the capture began, and rows logged; both count rolled-back ones. The log counts at least one row
 * for each written row. A count below that of the beginning was reset since, as the log's then was.
 */
const COUNTERS = `select w.total - case when w.total < r.writes_before then 0 else r.writes_before end as written,
    (select coalesce(sum(n_tup_ins), 0) from pg_stat_all_tables where relid = any (array(select to_regclass(l) from unnest($2::text[]) l))) as logged
  from rserv.replicated_table r cross join lateral (
    select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) as total from pg_stat_all_tables where relid in (${partitionTree('r.table_oid')})) w
  where r.table_id = $1`

/** Writes that the statistics counted and the log has not: a hint only, for the counters come late and can be lost. */
export async function checkCounters(session: Session, table: ReplicatedTable, slave: string): Promise<Finding[]> {
  const logs = [logTable(table.tableId, 0), logTable(table.tableId, 1)].map(quoteName)
  const row = await session.row(COUNTERS, [table.tableId, logs])
  const missing = Number(row?.['written'] ?? 0) - Number(row?.['logged'] ?? 0)
  if (missing <= 0) return []
  const text =
    `the statistics counted ${missing} more row writes than the log since the capture began: somebody may write with ` +
    `triggers switched off (or wrote just before the capture began)`
  const words = [session.database, slave, displayName(table.table)].map(shellWord).join(' ')
  const fix = `rserv verify ${words} --repair`
  return [finding('uncaptured-writes', { session, table: table.table }, text, fix)]
}

const SETTINGS = `select coalesce(r.rolname, '') as role, coalesce(d.datname, '') as database
  from pg_db_role_setting s left join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
  where s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    and exists (select from unnest(s.setconfig) c where lower(c) = 'session_replication_role=replica')
  order by 1, 2`

/** Roles and databases whose sessions fire no ordinary trigger. */
export async function checkReplicaRole(session: Session): Promise<Finding[]> {
  const rows = await session.query(SETTINGS)
  return rows.map(({ role, database }) => {
    const whose = [role && `ROLE ${quoteIdent(role)}`, database && `DATABASE ${quoteIdent(database)}`].filter(Boolean)
    const text = `sessions of ${whose.join(' in ').toLowerCase() || 'all roles'} have session_replication_role = replica: their writes are not captured`
    const target = role && database ? whose.join(' IN ') : (whose[0] ?? 'ROLE ALL')
    return finding('replica-role', { session }, text, `ALTER ${target} RESET session_replication_role;`)
  })
}

/** Built-in replication into a captured table fires only triggers that are ENABLE ALWAYS or REPLICA. */
export async function checkSubscriptions(session: Session, tables: readonly ReplicatedTable[]): Promise<Finding[]> {
  const found = await session.json<QualifiedName[]>(
    `select coalesce(json_agg(json_build_object('schema', n.nspname, 'name', c.relname)), '[]')
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.oid in (select srrelid from pg_subscription_rel) and c.oid = any ($1::oid[])`,
    [`{${tables.flatMap(({ oid, partitionOids }) => [oid, ...partitionOids]).join(',')}}`],
  )
  return found.map((table) =>
    finding(
      'subscription',
      { session, table },
      'a subscription writes it: what arrives by built-in replication is not captured',
      'Replicate from where the subscription reads.',
    ),
  )
}
