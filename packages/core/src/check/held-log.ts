import type { KnownServer } from '../acknowledge/servers.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { logTable } from '../log/log-table.ts'
import { displayName, quoteLiteral, quoteName } from '../shared/names.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { CheckLimits, Finding } from './finding.ts'
import { finding } from './finding.ts'

/** Those of other databases too: one horizon holds all. */
const TRANSACTIONS = `select pid, extract(epoch from clock_timestamp() - xact_start)::bigint as seconds, state,
    coalesce(usename, '') as role, coalesce(application_name, '') as application
  from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database() and backend_type = 'client backend'
    and xact_start < clock_timestamp() - make_interval(secs => $1) order by xact_start`

/** Transactions that stay in every position while they run, so that transfers read their rows late and logs are kept. */
export async function checkTransactions(session: Session, limits: CheckLimits): Promise<Finding[]> {
  const rows = await session.query(TRANSACTIONS, [limits.transactionSeconds])
  return rows.map((row) => {
    const who = `process ${row['pid']} (role ${row['role']}, ${row['application'] || 'no application name'}, ${row['state']})`
    const text = `a transaction of ${who} has been open for ${row['seconds']} s: log rows since then are kept longer`
    return finding('long-transaction', { session }, text, `SELECT pg_terminate_backend(${row['pid']});`)
  })
}

const PREPARED = `select gid, extract(epoch from clock_timestamp() - prepared)::bigint as seconds from pg_prepared_xacts
  where database = current_database() and prepared < clock_timestamp() - make_interval(secs => $1) order by prepared`

export async function checkPrepared(session: Session, limits: CheckLimits): Promise<Finding[]> {
  const rows = await session.query(PREPARED, [limits.transactionSeconds])
  return rows.map(({ gid, seconds }) => {
    const name = quoteLiteral(gid ?? '').trim()
    const text = `transaction ${name} has been prepared for ${seconds} s: its rows are not replicated, its locks are held`
    return finding('prepared-transaction', { session }, text, `COMMIT PREPARED ${name}; or ROLLBACK PREPARED ${name};`)
  })
}

/** Size of all logs, and who keeps them from being cleaned. */
export async function checkLogSize(
  session: Session,
  tables: readonly ReplicatedTable[],
  { servers, limits }: { servers: readonly KnownServer[]; limits: CheckLimits },
): Promise<Finding[]> {
  const logs = tables.flatMap(({ tableId }) => [logTable(tableId, 0), logTable(tableId, 1)]).map(quoteName)
  const row = await session.row(
    `select coalesce(sum(pg_total_relation_size(c.oid)), 0) as bytes,
        coalesce(sum(greatest(c.reltuples, s.n_live_tup, 0)), 0)::bigint as rows
      from unnest($1::text[]) l join pg_class c on c.oid = to_regclass(l) left join pg_stat_all_tables s on s.relid = c.oid`,
    [logs],
  )
  const bytes = Number(row?.['bytes'])
  if (bytes <= limits.logBytes) return []
  const slowest = servers.toSorted((a, b) => Number(a.syncId ?? -1) - Number(b.syncId ?? -1))[0]
  const holder = slowest
    ? `; the slowest slave is ${slowest.name}, at sync id ${slowest.syncId ?? 'none'}`
    : '; no slave has registered'
  const text = `the logs take ${bytes} bytes, about ${row?.['rows']} rows${holder}`
  return [finding('log-large', { session }, text, `rserv clean-log ${shellWord(session.database)} --older-than 0`)]
}

/** Slaves that nobody reads for any more keep the log for ever. */
export async function checkSilent(
  session: Session,
  servers: readonly KnownServer[],
  limits: CheckLimits,
): Promise<Finding[]> {
  const master = shellWord(session.database)
  if (servers.length === 0) {
    return [finding('no-slave', { session }, 'no slave has registered yet', `rserv replicate ${master} SLAVE`)]
  }
  const rows = await session.query(
    `select name, extract(epoch from clock_timestamp() - coalesce(confirmed_at, registered_at))::bigint as seconds,
        confirmed_at is null as never from rserv.server
      where coalesce(confirmed_at, registered_at) < clock_timestamp() - make_interval(secs => $1) order by name`,
    [limits.silentSeconds],
  )
  return rows.map(({ name, seconds, never }) => {
    const since =
      never === 't'
        ? `has never confirmed a position, ${seconds} s after it registered`
        : `last confirmed a position ${seconds} s ago`
    const text = `slave ${name} ${since}: the log grows for it`
    const slave = shellWord(name ?? '')
    const fix = `rserv replicate ${master} ${slave}, or where it is no more: rserv master-forget-slave ${master} ${slave}`
    return finding('slave-silent', { session }, text, fix)
  })
}

/** Captured tables that no slave holds, while all of them have synced: their log is kept for nobody (case 186). */
export function checkTaken(
  session: Session,
  captured: readonly ReplicatedTable[],
  servers: readonly KnownServer[],
): Finding[] {
  if (servers.length === 0 || servers.some(({ position }) => position === null)) return []
  const idle = captured.filter(({ tableId }) => !servers.some(({ tableIds }) => tableIds.includes(tableId)))
  return idle.map(({ table }) => {
    const fix = `rserv master-remove-table ${shellWord(session.database)} ${shellWord(displayName(table))}, or add it to a slave`
    return finding('taken-by-nobody', { session, table }, 'it is captured, and no slave takes it', fix)
  })
}
