import type { Column, TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'
import type { ChosenColumn } from './choose-key.ts'
import type { CaptureTable, Granularity, KeyUpdates, ServerFacts, TriggerBackend } from './contract.ts'

/** The names that the log stage gives to a table's logs. */
interface LogNames {
  readonly log: QualifiedName
  readonly truncateLog: QualifiedName
  readonly column: (index: number) => string
}

export interface CaptureRequest {
  readonly tableId: number
  readonly description: TableDescription
  readonly key: readonly ChosenColumn[]
  readonly granularity: Granularity
  readonly keyUpdates: KeyUpdates
  readonly logNames: LogNames
}

/** The backend's view of a table. */
export function captureTable(request: CaptureRequest): CaptureTable {
  const { description, key, logNames } = request
  return {
    tableId: request.tableId,
    table: { schema: description.schema, name: description.name },
    partitioned: description.kind === 'p',
    partitions: description.partitions.map(({ schema, name }) => ({ schema, name })),
    keyColumns: key.map((column, index) => ({
      column: column.name,
      logColumn: logNames.column(index),
      type: column.baseType,
      kind: column.baseKind,
      equality: column.equality,
    })),
    granularity: request.granularity,
    keyUpdates: request.keyUpdates,
    log: logNames.log,
    truncateLog: logNames.truncateLog,
  }
}

/**
 * Must the table be captured by row triggers? DML that names a partition fires no statement trigger of the root
 * (case 58), DML that names a parent none of its children (case 63).
 */
export function needsRowTriggers(table: TableDescription): boolean {
  return table.kind === 'p' || table.inherits
}

/**
 * The granularity to use: what was asked for, else statement where the backend and the table can.
 * @throws RservError BACKEND
 */
export function chooseGranularity(
  wanted: Granularity | undefined,
  backend: TriggerBackend,
  table: TableDescription,
): Granularity {
  const canStatement = (backend.capabilities.statementGranularity ?? false) && !needsRowTriggers(table)
  if (wanted === 'statement' && !canStatement) {
    throw new RservError('BACKEND', `${displayName(table)} cannot be captured at statement granularity`, {
      hint: needsRowTriggers(table)
        ? 'Partitioned and inheriting tables need --granularity row.'
        : `Backend ${backend.name} has none.`,
    })
  }
  return wanted ?? (canStatement ? 'statement' : 'row')
}

/** Which UPDATEs may change a key of a table that is captured now. */
export function keyUpdatesOf(table: TableDescription, granularity: Granularity): KeyUpdates {
  return granularity === 'statement' && !table.beforeUpdate ? 'named' : 'any'
}

/** What a backend may want to know of a server. Inside a transaction. */
export async function serverFacts(session: Session): Promise<ServerFacts> {
  const rows = await session.query('select lanname from pg_catalog.pg_language')
  return { version: session.version, languages: rows.map((row) => row['lanname'] ?? '') }
}

/** @throws RservError BACKEND when the server or the table does not suit the backend */
export async function checkBackend(session: Session, backend: TriggerBackend, table?: CaptureTable): Promise<void> {
  const hosting = backend.canHost(await serverFacts(session))
  if (!hosting.ok) {
    throw new RservError(
      'BACKEND',
      `backend ${backend.name} cannot be used in ${session.database}: ${hosting.reason}`,
      {
        side: session.side,
        hint: hosting.hint,
      },
    )
  }
  const verdict = table ? backend.canCapture(table) : hosting
  if (!verdict.ok && table) {
    throw new RservError(
      'BACKEND',
      `backend ${backend.name} cannot capture ${displayName(table.table)}: ${verdict.reason}`,
      {
        hint: verdict.hint,
      },
    )
  }
}

/** The lock that creating triggers takes, in a sentence. */
export const INSTALL_LOCK = 'SHARE ROW EXCLUSIVE on the table for some milliseconds: readers go on, writers wait'

/** The lock that changing the triggers of a captured table takes. */
export const CHANGE_LOCK = 'ACCESS EXCLUSIVE on the table for some milliseconds: readers and writers wait'

/** The function of the guard that keeps others from writing a slave's table; in the schema rserv, and no capture. */
export const GUARD_FUNCTION = 'refuse_write'

/** Enabled triggers on a table that capture. */
export async function countTriggers(session: Session, oid: string): Promise<number> {
  const row = await session.row(
    `select count(*) as count from pg_catalog.pg_trigger t join pg_catalog.pg_proc p on p.oid = t.tgfoid
       join pg_catalog.pg_namespace n on n.oid = p.pronamespace
     where t.tgrelid = $1 and n.nspname = 'rserv' and t.tgenabled in ('O', 'A') and p.proname <> '${GUARD_FUNCTION}'`,
    [oid],
  )
  return Number(row?.['count'] ?? 0)
}

/** Columns that travel: the generated ones are computed on the slave. */
export function travellingColumns(table: TableDescription): Column[] {
  return table.columns.filter((column) => !column.generated)
}
