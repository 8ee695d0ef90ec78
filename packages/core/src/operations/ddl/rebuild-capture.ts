import { chooseKey } from '../../capture/choose-key.ts'
import type { BackendResolver } from '../../capture/contract.ts'
import { countTriggers, needsRowTriggers } from '../../capture/install.ts'
import { refuseUnsupported } from '../../capture/refuse-table.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { checkSource, findSuspects } from '../../changes/check-source.ts'
import type { TableDescription } from '../../database/describe-table.ts'
import { describeTable } from '../../database/describe-table.ts'
import type { Session } from '../../database/session.ts'
import type { TableEffect } from '../../ddl/script.ts'
import { RservError } from '../../shared/errors.ts'
import type { QualifiedName } from '../../shared/names.ts'
import { ofTable } from '../../shared/of-table.ts'
import { sameName } from '../../shared/names.ts'
import { captureOf } from '../capture-of.ts'
import { changeStatements } from '../change-capture.ts'
import { installTable, prepareTable } from '../install-table.ts'
import { dropCapture } from '../master-remove-tables.ts'
import { cloneTruncateTriggers } from '../refresh-table.ts'
import { rowsEffect } from './rows-effect.ts'

interface Rebuild {
  /** All captured tables as they were before the script. */
  readonly captured: readonly ReplicatedTable[]
  /** Those that the script may have altered without that being seen, as when it drops an index. */
  readonly touched: ReadonlySet<ReplicatedTable>
  /** Ids of those whose capture was taken away before it. */
  readonly removed: ReadonlySet<number>
  readonly backends: BackendResolver
}

/**
 * After a script, in its transaction: puts the capture right of every table that it altered. Tables and key columns may
 * have other names, the key may be another one, tables may be gone.
 * @returns what the script did, for slaves
 * @throws RservError NO_KEY, UNSUPPORTED_TABLE, ROW_SECURITY where a table could not be replicated any more
 */
export async function rebuildCapture(
  session: Session,
  { captured, touched, removed, backends }: Rebuild,
): Promise<TableEffect[]> {
  const there = captured.filter(({ tableId }) => !removed.has(tableId))
  const suspects = new Set(await findSuspects(session, there))
  const altered = captured.filter((table) => touched.has(table) || suspects.has(table))
  const now = new Map<ReplicatedTable, QualifiedName | null>()
  for (const table of altered) now.set(table, await currentName(session, table))
  await freeNames(session, now)
  const effects: TableEffect[] = []
  for (const [table, after] of now) {
    const work = { known: table, after, removed: removed.has(table.tableId), backends }
    effects.push(await ofTable(after ?? table.table, () => rebuildTable(session, work)))
  }
  return effects
}

async function currentName(session: Session, { oid }: ReplicatedTable): Promise<QualifiedName | null> {
  return session.json<QualifiedName | null>(
    `select json_build_object('schema', n.nspname, 'name', c.relname)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = $1`,
    [oid],
  )
}

/** Two tables may have changed names: none is in the way of another. */
async function freeNames(session: Session, now: ReadonlyMap<ReplicatedTable, QualifiedName | null>): Promise<void> {
  const renamed = [...now].filter(([{ table }, after]) => after && !sameName(table, after))
  await session.run(
    `update rserv.replicated_table set schema_name = '', table_name = table_id::text where table_id = any ($1::integer[])`,
    [`{${renamed.map(([{ tableId }]) => tableId).join(',')}}`],
  )
}

interface Work {
  readonly known: ReplicatedTable
  /** Its name now; null: it was dropped. */
  readonly after: QualifiedName | null
  readonly removed: boolean
  readonly backends: BackendResolver
}

async function rebuildTable(session: Session, work: Work): Promise<TableEffect> {
  const { known, after, removed } = work
  const before = known.table
  const description = after && (await describeTable(session, after))
  if (!description) {
    if (!removed) await dropCapture(session, known, await work.backends(known.backend))
    return { before, after: null, keyColumns: known.keyColumns, rows: 'same', filled: {} }
  }
  refuseUnsupported(description, 'master')
  const keyColumns = keyNow(known, description)
  if (!removed && keyColumns) {
    const kept = await adapt(session, { ...work, description, keyColumns })
    if (kept) return { before, after, keyColumns, ...(await rowsEffect(session, known, description)) }
  }
  return {
    before,
    after,
    keyColumns: await anew(session, work, { description, keyColumns }),
    rows: 'whole',
    filled: {},
  }
}

/** The names that the captured key's columns have now; null where they are no key any more. */
function keyNow(known: ReplicatedTable, description: TableDescription): string[] | null {
  const names = known.keyNumbers.flatMap(
    (number) => description.columns.find((one) => one.number === number)?.name ?? [],
  )
  if (names.length < known.keyColumns.length) return null
  try {
    chooseKey(description, names, 'master')
    return names
  } catch (error) {
    if (error instanceof RservError && error.code === 'NO_KEY') return null
    throw error
  }
}

/** Keeps the log, and makes the functions anew: they name the key's columns. False where the capture is not whole. */
async function adapt(
  session: Session,
  { known, backends, description, keyColumns }: Work & { description: TableDescription; keyColumns: string[] },
): Promise<boolean> {
  const backend = await backends(known.backend)
  const granularity = needsRowTriggers(description) ? 'row' : known.granularity
  const table = { schema: description.schema, name: description.name }
  const renamed = { ...known, table, keyColumns }
  const statements =
    granularity === known.granularity
      ? backend.createFunctions(captureOf(renamed, description))
      : await changeStatements({ known: renamed, description, backend, granularity, backends })
  for (const statement of statements) await session.run(statement)
  for (const partition of description.partitions) {
    if (!known.partitionOids.includes(partition.oid)) await cloneTruncateTriggers(session, known.oid, partition)
  }
  const triggerCount =
    granularity === known.granularity ? known.triggerCount : await countTriggers(session, description.oid)
  const now = (await describeTable(session, table)) ?? description
  const partitionOids = now.partitions.map(({ oid }) => oid)
  await session.run(
    `update rserv.replicated_table set schema_name = $2, table_name = $3, granularity = $4, trigger_count = $5,
        key_columns = (select array_agg(k) from json_array_elements_text($6::json) k), partition_oids = $7, fingerprint = $8
      where table_id = $1`,
    [
      known.tableId,
      table.schema,
      table.name,
      granularity,
      triggerCount,
      JSON.stringify(keyColumns),
      `{${partitionOids.join(',')}}`,
      JSON.stringify(now.fingerprint),
    ],
  )
  return isWhole(session, { ...renamed, granularity, triggerCount, partitionOids })
}

async function isWhole(session: Session, table: ReplicatedTable): Promise<boolean> {
  try {
    await checkSource(session, table)
    return true
  } catch (error) {
    if (error instanceof RservError && error.code === 'CAPTURE_BROKEN') return false
    throw error
  }
}

/** Captures the table with a new log, by its former key or else its primary key. */
async function anew(
  session: Session,
  { known, removed, backends }: Work,
  { description, keyColumns }: { description: TableDescription; keyColumns: string[] | null },
): Promise<readonly string[]> {
  const backend = await backends(known.backend)
  if (!removed) await dropCapture(session, known, backend)
  const granularity = known.granularity === 'row' ? known.granularity : undefined
  const wishes = { keyColumns: keyColumns ?? undefined, granularity }
  const prepared = await prepareTable(session, description, backend, wishes)
  await installTable(session, prepared, backend)
  return prepared.key.map(({ name }) => name)
}
