import type { Granularity, TriggerBackend } from '../capture/contract.ts'
import { chooseKey } from '../capture/choose-key.ts'
import { captureTable, checkBackend, chooseGranularity, countTriggers, keyUpdatesOf } from '../capture/install.ts'
import { refuseUnsupported } from '../capture/refuse-table.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import { partitionTree } from '../database/partition-tree.ts'
import type { Session } from '../database/session.ts'
import { createLog, logColumn, logTable, TRUNCATE_LOG } from '../log/log-table.ts'
import { RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'

export interface CaptureWishes {
  readonly keyColumns?: string[] | undefined
  readonly granularity?: Granularity | undefined
}

/** A table that was found fit to be captured. */
export interface Prepared {
  readonly description: TableDescription
  readonly key: ReturnType<typeof chooseKey>
  readonly granularity: Granularity
}

/** @throws RservError NO_SUCH_TABLE, NO_SUCH_COLUMN, NO_KEY, UNSUPPORTED_TABLE, ROW_SECURITY, BACKEND */
export async function prepareTable(
  session: Session,
  table: QualifiedName,
  backend: TriggerBackend,
  options: CaptureWishes,
): Promise<Prepared> {
  const description = await describeTable(session, table)
  if (!description) throw new RservError('NO_SUCH_TABLE', `no table ${displayName(table)}`, { side: 'master' })
  refuseUnsupported(description, 'master')
  const key = chooseKey(description, options.keyColumns, 'master')
  const granularity = chooseGranularity(options.granularity, backend, description)
  await checkBackend(session, backend, capture({ description, key, granularity }, 0))
  return { description, key, granularity }
}

function capture(prepared: Prepared, tableId: number): ReturnType<typeof captureTable> {
  const logNames = { log: logTable(tableId), truncateLog: TRUNCATE_LOG, column: logColumn }
  const keyUpdates = keyUpdatesOf(prepared.description, prepared.granularity)
  return captureTable({ ...prepared, tableId, keyUpdates, logNames })
}

/** Everything that capturing the table runs, log included. */
export function statements(prepared: Prepared, tableId: number, backend: TriggerBackend): string[] {
  const table = capture(prepared, tableId)
  return [
    ...createLog(tableId, table.table, prepared.key),
    ...backend.createFunctions(table),
    ...backend.createTriggers(table),
  ]
}

/**
 * Captures a table, inside a transaction.
 * @returns the statements that were run
 */
export async function installTable(session: Session, prepared: Prepared, backend: TriggerBackend): Promise<string[]> {
  const tableId = await record(session, prepared, backend)
  const run = statements(prepared, tableId, backend)
  // Creating the first trigger takes the lock; LOCK TABLE would need more rights on the table.
  for (const statement of run) await session.run(statement)
  await refuseChanged(session, prepared.description)
  await beginLog(session, tableId, prepared.description)
  return run
}

/** The table may have changed before the lock was there. */
async function refuseChanged(session: Session, before: TableDescription): Promise<void> {
  const now = await describeTable(session, before)
  if (shapeOf(now) === shapeOf(before)) return
  throw new RservError('CAPTURE_BROKEN', `table ${displayName(before)} was altered while it was being added`, {
    side: 'master',
    hint: 'Nothing was changed; run the command again.',
  })
}

function shapeOf(table: TableDescription | null): string {
  return JSON.stringify({ ...table, estimatedRows: 0, fingerprint: null, namedUpdates: null })
}

/** The lock is held, so no running transaction has written the table: the log is complete from this snapshot on. */
async function beginLog(session: Session, tableId: number, description: TableDescription): Promise<void> {
  await session.run(
    `update rserv.replicated_table r set trigger_count = $2, captured_from = s, log_start = s,
        writes_before = (select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del + pg_stat_get_xact_tuples_inserted(relid)
            + pg_stat_get_xact_tuples_updated(relid) + pg_stat_get_xact_tuples_deleted(relid)), 0) from pg_stat_all_tables
          where relid in (${partitionTree('r.table_oid')}))
      from pg_current_snapshot() s where table_id = $1`,
    [tableId, await countTriggers(session, description.oid)],
  )
}

async function record(
  session: Session,
  { description, key, granularity }: Prepared,
  backend: TriggerBackend,
): Promise<number> {
  // After a dump was restored, the record of another table may hold this OID: that table is not the captured one.
  await session.run('update rserv.replicated_table set table_oid = (4294967295 - table_id)::oid where table_oid = $1', [
    description.oid,
  ])
  const row = await session.row(
    `insert into rserv.replicated_table (table_oid, schema_name, table_name, key_columns, backend, granularity,
        captured_from, log_start, trigger_count, partition_oids, key_numbers, fingerprint)
      select $1, $2, $3, (select array_agg(k) from json_array_elements_text($4::json) k), $5, $6, s, s, 0, $7, $8, $9
      from pg_current_snapshot() s returning table_id`,
    [
      description.oid,
      description.schema,
      description.name,
      JSON.stringify(key.map((column) => column.name)),
      backend.name,
      granularity,
      `{${description.partitions.map((partition) => partition.oid).join(',')}}`,
      `{${key.map(({ name }) => description.columns.find((column) => column.name === name)?.number).join(',')}}`,
      JSON.stringify(description.fingerprint),
    ],
  )
  return Number(row?.['table_id'])
}
