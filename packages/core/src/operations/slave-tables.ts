import type { ClientConfig } from 'pg'
import { listSlaveTables } from '../apply/slave-tables.ts'
import type { SlaveTable, SlaveTableState } from '../apply/slave-tables.ts'
import { chooseKey } from '../capture/choose-key.ts'
import type { BackendResolver } from '../capture/contract.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { refuseUnsupported } from '../capture/refuse-table.ts'
import { describeTable } from '../database/describe-table.ts'
import { findTables } from '../database/find-tables.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { createTables } from '../schema/create-tables.ts'
import type { PgDump } from '../schema/pg-dump.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, sameName } from '../shared/names.ts'
import { removeCapture } from './master-remove-tables.ts'
import { selectRegistered } from './select-registered.ts'

export interface SlaveAddTablesOptions extends CommonOptions {
  /** Names and patterns as typed. */
  tables: string[]
  all?: boolean | undefined
  /** Key columns, as on the master; default the primary key. Only with one table. */
  keyColumns?: string[] | undefined
  /** The rows are there already, as of a moment after the master began to capture the table: do not copy. */
  assumeSynced?: boolean | undefined
  /** Create the tables that the slave lacks, as they are on the master; names and patterns are then the master's. */
  schema?: SchemaSource | undefined
}

export interface SchemaSource {
  readonly master: ClientConfig
  readonly pgDump: PgDump
}

export interface AddedSlaveTable {
  readonly table: QualifiedName
  readonly outcome: 'added' | 'already-added'
  /** Was the table itself created? */
  readonly created: boolean
  readonly state: SlaveTableState
}

/**
 * Registers tables that a slave takes. They must be there, with the key as primary key or unique index, or are created as
 * on the master. One transaction for all of them.
 * @throws RservError SCHEMA, NO_SUCH_TABLE, NO_SUCH_COLUMN, NO_KEY, UNSUPPORTED_TABLE, ROW_SECURITY, PRIVILEGE, ALREADY_DIFFERENT
 */
export async function slaveAddTables(
  slave: ClientConfig,
  options: SlaveAddTablesOptions,
): Promise<{ tables: AddedSlaveTable[] }> {
  await using session = await openSession(slave, 'slave', options)
  return await inTransaction(session, async () => {
    await requireRole(session, 'slave')
    const { names, created } = await findOrCreate(session, options)
    if (options.keyColumns?.length && names.length > 1) {
      throw new RservError('BAD_ARGUMENT', 'key columns can be given for one table only', {
        hint: 'Add the tables one by one, or leave the columns out to use their primary keys.',
      })
    }
    const registered = await listSlaveTables(session)
    const tables: AddedSlaveTable[] = []
    for (const name of names) {
      const added = await addTable(session, name, registered, options)
      tables.push({ ...added, created: created.some((table) => sameName(table, name)) })
    }
    return { tables }
  })
}

interface Found {
  readonly names: QualifiedName[]
  readonly created: QualifiedName[]
}

async function findOrCreate(slave: Session, options: SlaveAddTablesOptions): Promise<Found> {
  if (!options.schema) return { names: await findTables(slave, options), created: [] }
  await using master = await openSession(options.schema.master, 'master', options)
  return await inTransaction(
    master,
    async () => {
      const names = await findOnMaster(master, options)
      const { pgDump } = options.schema ?? { pgDump: { env: {} } }
      return { names, created: await createTables(master, slave, { ...options, tables: names, pgDump }) }
    },
    { isolation: 'repeatable read' },
  )
}

/** All means those that the master captures. */
async function findOnMaster(master: Session, options: SlaveAddTablesOptions): Promise<QualifiedName[]> {
  if (!options.all) return findTables(master, options)
  await requireRole(master, 'master')
  const captured = (await listReplicated(master)).map(({ table }) => table)
  const named = options.tables.length > 0 ? await findTables(master, { tables: options.tables }) : []
  return [...captured, ...named.filter((table) => !captured.some((other) => sameName(other, table)))]
}

async function addTable(
  session: Session,
  table: QualifiedName,
  registered: readonly SlaveTable[],
  options: SlaveAddTablesOptions,
): Promise<Omit<AddedSlaveTable, 'created'>> {
  const description = await describeTable(session, table)
  if (!description) throw new RservError('NO_SUCH_TABLE', `no table ${displayName(table)}`, { side: 'slave' })
  refuseUnsupported(description, 'slave')
  await checkPrivileges(session, description.oid, table)
  const key = chooseKey(description, options.keyColumns, 'slave').map((column) => column.name)
  const known = registered.find((other) => sameName(other.table, table))
  if (known) {
    if (options.keyColumns?.length && known.keyColumns.toSorted().join('\0') !== key.toSorted().join('\0')) {
      throw new RservError('ALREADY_DIFFERENT', `table ${displayName(table)} is registered with another key`, {
        side: 'slave',
        hint: 'Remove it first: slave-remove-table.',
      })
    }
    return { table, outcome: 'already-added', state: known.state }
  }
  const state = options.assumeSynced ? 'assumed' : 'new'
  await session.run(
    `insert into rserv.slave_table (schema_name, table_name, key_columns, state)
      values ($1, $2, (select array_agg(k) from json_array_elements_text($3::json) k), $4)`,
    [table.schema, table.name, JSON.stringify(key), state],
  )
  return { table, outcome: 'added', state }
}

async function checkPrivileges(session: Session, oid: string, table: QualifiedName): Promise<void> {
  const row = await session.row(
    `select string_agg(p, ', ') as missing from unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
      where not has_table_privilege($1::oid, p)`,
    [oid],
  )
  if (!row?.['missing']) return
  throw new RservError('PRIVILEGE', `the role lacks ${row['missing']} on the slave's ${displayName(table)}`, {
    side: 'slave',
    hint: 'GRANT SELECT, INSERT, UPDATE, DELETE on it to the role that applies.',
  })
}

/** Those of the selected tables that the slave keeps a log of, for no other purpose. */
async function keptTables(
  session: Session,
  options: { tables: string[]; all?: boolean | undefined },
): Promise<ReplicatedTable[]> {
  const { isMaster } = await requireRole(session, 'slave')
  const selected = selectRegistered(await listSlaveTables(session), options, { session })
  if (isMaster) return []
  const captured = await listReplicated(session)
  return captured.filter(({ table }) => selected.some((other) => sameName(other.table, table)))
}

/**
 * Forgets tables on a slave; their rows stay. One that the slave kept a log of can be written again by everybody.
 * @throws RservError NOT_REPLICATED, LOCK_TIMEOUT, BACKEND
 */
export async function slaveRemoveTables(
  slave: ClientConfig,
  options: CommonOptions & {
    tables: string[]
    all?: boolean | undefined
    /** For a slave that keeps a log. */
    backends?: BackendResolver | undefined
  },
): Promise<{ tables: { table: QualifiedName; outcome: 'removed' }[] }> {
  await using session = await openSession(slave, 'slave', options)
  const kept = await inTransaction(session, () => keptTables(session, options))
  for (const table of kept) {
    if (!options.backends) throw new RservError('BACKEND', 'the slave keeps a log: its backend is needed to remove it')
    await removeCapture(session, table, await options.backends(table.backend), options)
  }
  return await inTransaction(session, async () => {
    await requireRole(session, 'slave')
    const selected = selectRegistered(await listSlaveTables(session), options, { session })
    for (const { table } of selected) {
      await session.run('delete from rserv.slave_table where schema_name = $1 and table_name = $2', [
        table.schema,
        table.name,
      ])
    }
    // Without a table of its master a position says nothing: it starts anew, also where the master lost it.
    await session.run(
      `delete from rserv.slave_sync s
        where not exists (select from rserv.slave_table t where t.origin = s.origin)`,
    )
    return { tables: selected.map(({ table }) => ({ table, outcome: 'removed' as const })) }
  })
}
