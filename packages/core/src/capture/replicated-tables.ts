import type { Fingerprint } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import type { Granularity } from './contract.ts'

/** A captured table as recorded on the master. */
export interface ReplicatedTable {
  readonly tableId: number
  readonly oid: string
  readonly table: QualifiedName
  readonly keyColumns: readonly string[]
  readonly backend: string
  readonly granularity: Granularity
  /** pg_snapshot text: capture began there. */
  readonly capturedFrom: string
  /** pg_snapshot text: the log serves positions that have seen all of it. */
  readonly logStart: string
  readonly generation: 0 | 1
  readonly triggerCount: number
  readonly partitionOids: readonly string[]
  /** Attribute numbers of the key columns. */
  readonly keyNumbers: readonly number[]
  readonly fingerprint: Fingerprint | null
}

const LIST = `select coalesce(json_agg(json_build_object(
    'tableId', table_id, 'oid', table_oid::text, 'table', json_build_object('schema', schema_name, 'name', table_name),
    'keyColumns', key_columns, 'backend', backend, 'granularity', granularity, 'capturedFrom', captured_from::text,
    'logStart', log_start::text, 'generation', generation, 'triggerCount', trigger_count,
    'partitionOids', partition_oids::text[],
    'keyNumbers', key_numbers, 'fingerprint', fingerprint) order by table_id), '[]')
  from rserv.replicated_table`

const UNCHANGED = `select count(*) = cardinality($1::integer[]) as same
  from unnest($1::integer[], $2::oid[]) as known (table_id, table_oid) join rserv.replicated_table using (table_id, table_oid)`

/** Are the tables still captured, each under the same id? */
export async function stillCaptured(session: Session, tables: readonly ReplicatedTable[]): Promise<boolean> {
  const [ids, oids] = [tables.map(({ tableId }) => tableId), tables.map(({ oid }) => oid)]
  const row = await session.row(UNCHANGED, [`{${ids.join(',')}}`, `{${oids.join(',')}}`])
  return row?.['same'] === 't'
}

/**
 * Captured tables, in the order in which they were added. Inside a transaction.
 * @param ids default: all
 */
export async function listReplicated(session: Session, ids?: readonly number[]): Promise<ReplicatedTable[]> {
  if (!ids) return session.json<ReplicatedTable[]>(LIST)
  return session.json<ReplicatedTable[]>(`${LIST} where table_id = any ($1::integer[])`, [`{${ids.join(',')}}`])
}
