import type { Session } from '../database/session.ts'
import { beginStatements } from '../database/transaction.ts'
import type { RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'

/**
 * `new`: to be copied; `copied`: as of a position of its own, to be joined with the others by the next transfer;
 * `assumed`: the user says that the rows are there; `synced`: as of the slave's position.
 */
export type SlaveTableState = 'new' | 'copied' | 'assumed' | 'synced'

/** A table registered on the slave. */
export interface SlaveTable {
  readonly table: QualifiedName
  readonly keyColumns: readonly string[]
  readonly state: SlaveTableState
  /** uuid of the master that filled it; null before. */
  readonly origin: string | null
  /** Why it is left out of transfers for now; null: it is not. */
  readonly parked: Parked | null
  /** Where a copied table was read; null in other states. */
  readonly copied: Copied | null
  /** Another one after every change of the registration. */
  readonly version: string
}

interface Copied {
  readonly position: Position
  /** uuid that the master gave the copy. */
  readonly token: string
}

interface Parked {
  /** When it was last tried; ISO 8601. */
  readonly at: string
  /** Code of the error, and what it says. */
  readonly code: string
  readonly message: string
}

const LIST = `select coalesce(json_agg(json_build_object('table', json_build_object('schema', schema_name, 'name', table_name),
        'keyColumns', key_columns, 'state', state, 'origin', origin, 'version', xmin::text,
        'copied', case when state = 'copied'
          then json_build_object('position', copied_position::text, 'token', copied_token) end,
        'parked', case when parked_at is not null
          then json_build_object('at', parked_at, 'code', parked_code, 'message', parked_message) end) order by schema_name, table_name), '[]')
      from rserv.slave_table`

/** Tables registered on the slave, by name. Inside a transaction. */
export async function listSlaveTables(session: Session): Promise<SlaveTable[]> {
  return session.json<SlaveTable[]>(LIST)
}

/** Those that wait to be copied, or were copied apart and wait to be joined. In a transaction of its own, one message. */
export async function listUnjoined(session: Session): Promise<SlaveTable[]> {
  const rows = await session.batch([...beginStatements(session), `${LIST} where state in ('new', 'copied')`, 'commit'])
  const text = Object.values(rows.flat()[0] ?? {})[0]
  return JSON.parse(text ?? '[]') as SlaveTable[]
}

/** Inside a transaction. */
export async function findSlaveTable(session: Session, { schema, name }: QualifiedName): Promise<SlaveTable | null> {
  const found = await session.json<SlaveTable[]>(`${LIST} where schema_name = $1 and table_name = $2`, [schema, name])
  return found[0] ?? null
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

const UNPARKED = 'parked_at = null, parked_code = null, parked_message = null'
const UNCOPIED = 'copied_position = null, copied_token = null, copied_at = null'
const NEITHER = `${UNPARKED}, ${UNCOPIED}`

/** Marks the tables as of the transfer's position. */
export async function markSynced(session: Session, tables: readonly QualifiedName[], origin: string): Promise<void> {
  await session.run(
    `update rserv.slave_table s set state = 'synced', origin = $2, ${NEITHER}
      from json_to_recordset($1) as w (schema text, name text)
      where s.schema_name = w.schema and s.table_name = w.name
        and (s.state <> 'synced' or s.origin is distinct from $2)`,
    [JSON.stringify(tables), origin],
  )
}

/** Lets a table be copied, from whatever master. */
export async function markNew(session: Session, { schema, name }: QualifiedName): Promise<void> {
  await session.run(
    `update rserv.slave_table set state = 'new', origin = null, ${NEITHER} where schema_name = $1 and table_name = $2`,
    [schema, name],
  )
}

/** Lets a table that was copied apart be copied again, unless something else was done with it meanwhile. */
export async function forgetCopy(session: Session, { table, version }: SlaveTable): Promise<void> {
  await session.run(
    `update rserv.slave_table set state = 'new', ${UNCOPIED}
      where schema_name = $1 and table_name = $2 and state = 'copied' and xmin::text = $3`,
    [table.schema, table.name, version],
  )
}

/**
 * Marks a table as copied, in the transaction that holds its rows.
 * @param registered as it was when the copy began
 * @returns false where its registration was changed meanwhile
 */
export async function markCopied(
  session: Session,
  { table, version }: Pick<SlaveTable, 'table' | 'version'>,
  { position, token, origin }: Copied & { readonly origin: string },
): Promise<boolean> {
  const marked = await session.run(
    `update rserv.slave_table set state = 'copied', origin = $4, copied_position = $5, copied_token = $6,
        copied_at = clock_timestamp(), ${UNPARKED}
      where schema_name = $1 and table_name = $2 and state = 'new' and xmin::text = $3`,
    [table.schema, table.name, version, origin, position, token],
  )
  return marked === 1
}

/** Leaves a table out of transfers; when it is tried again it is copied. */
export async function parkTable(session: Session, table: QualifiedName, error: RservError): Promise<void> {
  await session.run(
    `update rserv.slave_table set state = 'new', parked_at = clock_timestamp(), parked_code = $3, parked_message = $4,
        ${UNCOPIED}
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
