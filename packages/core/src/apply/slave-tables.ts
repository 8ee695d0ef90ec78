import type { Session } from '../database/session.ts'
import type { RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'

/** `new`: to be copied; `assumed`: the user says that the rows are there; `synced`: as of the slave's position. */
export type SlaveTableState = 'new' | 'assumed' | 'synced'

/** A table registered on the slave. */
export interface SlaveTable {
  readonly table: QualifiedName
  readonly keyColumns: readonly string[]
  readonly state: SlaveTableState
  /** uuid of the master that filled it; null before. */
  readonly origin: string | null
  /** Why it is left out of transfers for now; null: it is not. */
  readonly parked: Parked | null
}

interface Parked {
  /** When it was last tried; ISO 8601. */
  readonly at: string
  /** Code of the error, and what it says. */
  readonly code: string
  readonly message: string
}

/** Tables registered on the slave, by name. Inside a transaction. */
export async function listSlaveTables(session: Session): Promise<SlaveTable[]> {
  return session.json<SlaveTable[]>(
    `select coalesce(json_agg(json_build_object('table', json_build_object('schema', schema_name, 'name', table_name),
        'keyColumns', key_columns, 'state', state, 'origin', origin,
        'parked', case when parked_at is not null
          then json_build_object('at', parked_at, 'code', parked_code, 'message', parked_message) end) order by schema_name, table_name), '[]')
      from rserv.slave_table`,
  )
}

/** Does the slave hold all of its tables, at least one, as of its position of this master? Inside a transaction. */
export async function allSynced(session: Session, origin: string): Promise<boolean> {
  const row = await session.row(
    `select count(*) > 0 and count(*) = count(*) filter (where state = 'synced' and origin = $1 and parked_at is null) as all
      from rserv.slave_table`,
    [origin],
  )
  return row?.['all'] === 't'
}

/** Marks the tables as of the transfer's position. */
export async function markSynced(session: Session, tables: readonly QualifiedName[], origin: string): Promise<void> {
  await session.run(
    `update rserv.slave_table s set state = 'synced', origin = $2, parked_at = null, parked_code = null, parked_message = null
      from json_to_recordset($1) as w (schema text, name text)
      where s.schema_name = w.schema and s.table_name = w.name
        and (s.state <> 'synced' or s.origin is distinct from $2)`,
    [JSON.stringify(tables), origin],
  )
}

/** Leaves a table out of transfers; when it is tried again it is copied. */
export async function parkTable(session: Session, table: QualifiedName, error: RservError): Promise<void> {
  await session.run(
    `update rserv.slave_table set state = 'new', parked_at = clock_timestamp(), parked_code = $3, parked_message = $4
      where schema_name = $1 and table_name = $2`,
    [table.schema, table.name, error.sqlState ?? error.code, error.message],
  )
}

/** The parked tables that are there, each with its version, which DDL changes. Inside a transaction. */
export async function parkedVersions(
  session: Session,
): Promise<{ readonly table: QualifiedName; readonly version: string }[]> {
  const rows = await session.query(
    `select s.schema_name, s.table_name, rserv.catalog_version(array[c.oid]) as version
      from rserv.slave_table s join pg_namespace n on n.nspname = s.schema_name
      join pg_class c on c.relnamespace = n.oid and c.relname = s.table_name where s.parked_at is not null`,
  )
  return rows.map((row) => ({
    table: { schema: row['schema_name'] ?? '', name: row['table_name'] ?? '' },
    version: row['version'] ?? '',
  }))
}
