import type { ClientConfig } from 'pg'
import { chooseKey } from '../capture/choose-key.ts'
import { travellingColumns } from '../capture/install.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction, withOwnSearchPath } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, parseTablePattern, quoteIdent, quoteName, sameName } from '../shared/names.ts'
import { ofTable } from '../shared/of-table.ts'

export type RejoinKind = 'only-old' | 'differs' | 'deleted-by-old'

export interface ReapplyOptions extends CommonOptions {
  /** Which rows of the report; default those that only the old master had. */
  kinds?: readonly RejoinKind[] | undefined
  /** Only rows of this table, as typed. */
  table?: string | undefined
  /** uuid of the report; default the latest. */
  rejoinId?: string | undefined
}

export interface ReapplyResult {
  readonly rejoinId: string
  readonly tables: readonly { readonly table: QualifiedName; readonly rows: number }[]
}

/**
 * Puts the old master's versions of reported rows into the tables of the new one, where they are changes like any other. All
 * in one transaction: what constraints or triggers refuse leaves everything as it was. Each row once.
 * @throws RservError BAD_ARGUMENT where there is no such report; SQL for what the tables refuse
 */
export async function reapply(master: ClientConfig, options: ReapplyOptions = {}): Promise<ReapplyResult> {
  await using session = await openSession(master, 'master', options)
  return await inTransaction(session, async () => {
    await requireRole(session, 'master')
    const rejoinId = await findReport(session, options.rejoinId)
    const kinds = options.kinds ?? ['only-old']
    const named = options.table === undefined ? null : parseTablePattern(options.table)
    const reported = await session.json<QualifiedName[]>(
      `select coalesce(json_agg(json_build_object('schema', schema_name, 'name', table_name)), '[]') from (
        select distinct schema_name, table_name from rserv.rejoin_row where rejoin_id = $1 and applied_at is null
          and kind = any ($2) and ($3::text is null or table_name = $3) and ($4::text is null or schema_name = $4)
        order by 1, 2) t`,
      [rejoinId, kinds, named?.name.text ?? null, named?.schema?.text ?? null],
    )
    const tables: { table: QualifiedName; rows: number }[] = []
    for (const table of reported) {
      const rows = await ofTable(table, () => applyTable(session, table, { rejoinId, kinds }))
      tables.push({ table, rows })
    }
    return { rejoinId, tables }
  })
}

async function findReport(session: Session, wanted: string | undefined): Promise<string> {
  const row = await session.row(
    'select rejoin_id from rserv.rejoin where $1::text is null or rejoin_id::text = $1 order by at desc limit 1',
    [wanted ?? null],
  )
  if (row?.['rejoin_id']) return row['rejoin_id']
  throw new RservError('BAD_ARGUMENT', `there is no report of a rejoin${wanted ? ` ${wanted}` : ''}`, {
    side: 'master',
    hint: 'select rejoin_id, old_database, at from rserv.rejoin lists those that there are.',
  })
}

async function applyTable(
  session: Session,
  table: QualifiedName,
  { rejoinId, kinds }: { rejoinId: string; kinds: readonly RejoinKind[] },
): Promise<number> {
  const description = await describeTable(session, table)
  const captured = (await listReplicated(session)).find((other) => sameName(other.table, table))
  if (!description || !captured) {
    throw new RservError('NO_SUCH_TABLE', `table ${displayName(table)} is not captured here`, {
      side: 'master',
      hint: 'Its rows stay in rserv.rejoin_row.',
    })
  }
  const statements = statementsOf(description, captured.keyColumns)
  const rows = `rserv.rejoin_row r where r.rejoin_id = $1 and r.schema_name = $2 and r.table_name = $3 and r.applied_at is null`
  let count = 0
  for (const kind of kinds) {
    const parameters = [rejoinId, table.schema, table.name, kind]
    await withOwnSearchPath(session, () => session.run(statements[kind](`${rows} and r.kind = $4`), parameters))
    const mark = `update rserv.rejoin_row r set applied_at = pg_catalog.clock_timestamp() where r.rejoin_id = $1
      and r.schema_name = $2 and r.table_name = $3 and r.applied_at is null and r.kind = $4`
    count += await session.run(mark, parameters)
  }
  return count
}

/** What is done with the rows of each kind; `rows` is a FROM and WHERE with the reported row as `r`. */
function statementsOf(
  description: TableDescription,
  keyColumns: readonly string[],
): Record<RejoinKind, (rows: string) => string> {
  const name = quoteName(description)
  const travelling = travellingColumns(description)
  const columns = travelling.map((column) => quoteIdent(column.name))
  const set = travelling.filter((column) => !keyColumns.includes(column.name) && !column.identityAlways)
  const match = keyMatch(description, keyColumns)
  const values = (from: string, rows: string): string =>
    `(select (pg_catalog.json_populate_record(null::${name}, r.${from})).* from ${rows}) v`
  return {
    'only-old': (rows) =>
      `insert into ${name} (${columns.join(', ')}) overriding system value
        select ${columns.map((column) => `v.${column}`).join(', ')} from ${values('old_row', rows)}`,
    differs: (rows) =>
      `update ${name} t set ${set.map((column) => `${quoteIdent(column.name)} = v.${quoteIdent(column.name)}`).join(', ')}
        from ${values('old_row', rows)} where ${match}`,
    'deleted-by-old': (rows) => `delete from ${name} t using ${values('key', rows)} where ${match}`,
  }
}

function keyMatch(description: TableDescription, keyColumns: readonly string[]): string {
  const key = chooseKey(description, keyColumns, 'master')
  const terms = key.map(
    ({ name, equality }) =>
      `t.${quoteIdent(name)} operator(${quoteIdent(equality.schema)}.${equality.name}) v.${quoteIdent(name)}`,
  )
  return terms.join(' and ')
}
