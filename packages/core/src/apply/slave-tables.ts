import type { Session } from '../database/session.ts'
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
}

/** Tables registered on the slave, by name. Inside a transaction. */
export async function listSlaveTables(session: Session): Promise<SlaveTable[]> {
  return session.json<SlaveTable[]>(
    `select coalesce(json_agg(json_build_object('table', json_build_object('schema', schema_name, 'name', table_name),
        'keyColumns', key_columns, 'state', state, 'origin', origin) order by schema_name, table_name), '[]')
      from rserv.slave_table`,
  )
}

/** Marks the tables as of the transfer's position. */
export async function markSynced(session: Session, tables: readonly QualifiedName[], origin: string): Promise<void> {
  await session.run(
    `update rserv.slave_table s set state = 'synced', origin = $2
      from json_to_recordset($1) as w (schema text, name text)
      where s.schema_name = w.schema and s.table_name = w.name
        and (s.state <> 'synced' or s.origin is distinct from $2)`,
    [JSON.stringify(tables), origin],
  )
}
