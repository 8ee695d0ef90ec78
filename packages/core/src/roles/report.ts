import { pipeline } from 'node:stream/promises'
import { PassThrough } from 'node:stream'
import { chooseKey } from '../capture/choose-key.ts'
import { travellingColumns } from '../capture/install.ts'
import { source as tableOf } from '../changes/read-rows.ts'
import { after } from '../changes/window.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteIdent, quoteLiteral, quoteName } from '../shared/names.ts'
import { ofTable } from '../shared/of-table.ts'
import type { Position } from '../shared/position.ts'
import { pipeCopy } from '../verify/pipe-copy.ts'
import type { CommonState, Sides } from './common-state.ts'
import type { SharedTable } from './shared-tables.ts'

/** What a former master had that the new one has not. */
export interface Report {
  /** uuid, in rserv.rejoin of the new master; null: nothing was to be reported. */
  readonly rejoinId: string | null
  readonly rows: number
  readonly tables: readonly { readonly table: QualifiedName; readonly rows: number }[]
}

/**
 * Writes the rows that differ among the keys that changed on the target into rserv.rejoin_row of the source. The servers
 * make JSON of them; here they only pass by. Inside a transaction on each side.
 */
export async function reportRows(sides: Sides, common: CommonState, tables: readonly SharedTable[]): Promise<Report> {
  const { source, target, targetNode } = sides
  const row = await source.row(
    'insert into rserv.rejoin (old_master, old_database) values ($1, $2) returning rejoin_id',
    [targetNode.nodeId, target.database],
  )
  const rejoinId = row?.['rejoin_id'] ?? ''
  const reported: { table: QualifiedName; rows: number }[] = []
  if (common.targetSince !== null) {
    for (const table of tables.filter(({ gap }) => !gap)) {
      const since = common.targetSince
      const rows = await ofTable(table.source.table, () => reportTable(sides, table, { since, rejoinId }))
      if (rows > 0) reported.push({ table: table.source.table, rows })
    }
  }
  const rows = reported.reduce((sum, one) => sum + one.rows, 0)
  if (rows > 0) return { rejoinId, rows, tables: reported }
  await source.run('delete from rserv.rejoin where rejoin_id = $1', [rejoinId])
  return { rejoinId: null, rows: 0, tables: [] }
}

/** Values of the sides' common columns as one JSON object; exact, and read back by json_populate_record. */
function rowJson(columns: readonly string[]): string {
  const list = columns.map((name) => `t.${quoteIdent(name)}`).join(', ')
  return `(select to_json(r) from (select ${list}) r)`
}

async function reportTable(
  { source, target }: Sides,
  { source: there, target: here }: SharedTable,
  { since, rejoinId }: { since: Position; rejoinId: string },
): Promise<number> {
  const [onSource, onTarget] = [await describeTable(source, there.table), await describeTable(target, there.table)]
  if (!here || !onSource || !onTarget) return 0
  const columns = travellingColumns(onSource)
    .map(({ name }) => name)
    .filter((name) => onTarget.columns.some((column) => column.name === name))
  const stage = `pg_temp.rserv_rejoin_${there.tableId}`
  const keys = there.keyColumns.map((_, index) => logColumn(index))
  const types = keys.map((key) => `(null::${quoteName(logTable(there.tableId))}).${key}`)
  await source.run(
    `create temporary table ${stage.replace('pg_temp.', '')} on commit drop as
      select ${types.map((type, index) => `${type} as ${keys[index]}`).join(', ')}, null::json as old_row limit 0`,
  )
  const query = await changedRows(target, { description: onTarget, keyColumns: there.keyColumns, here, since, columns })
  await pipeCopy({ session: target, query }, { session: source, into: `${stage} (${keys.join(', ')}, old_row)` })
  const match = joinOn(onSource, there.keyColumns, 's')
  const keyJson = `json_build_object(${there.keyColumns.map((name, index) => `${quoteLiteral(name)}, s.${keys[index]}`).join(', ')})`
  return source.run(
    `insert into rserv.rejoin_row (rejoin_id, schema_name, table_name, kind, key, old_row, new_row)
      select $1, $2, $3, case when s.old_row is null then 'deleted-by-old' when n.new_row is null then 'only-old' else 'differs' end,
        ${keyJson}, s.old_row, n.new_row
      from ${stage} s left join lateral (select ${rowJson(columns)} as new_row from ${tableOf(onSource)} t where ${match}) n on true
      where s.old_row::text is distinct from n.new_row::text`,
    [rejoinId, there.table.schema, there.table.name],
  )
}

interface Asked {
  readonly description: TableDescription
  readonly keyColumns: readonly string[]
  readonly here: NonNullable<SharedTable['target']>
  readonly since: Position
  readonly columns: readonly string[]
}

/** The changed keys of the target with their rows; all rows where it cannot be told which changed. */
async function changedRows(target: Session, { description, keyColumns, here, since, columns }: Asked): Promise<string> {
  const table = tableOf(description)
  const row = await target.row(
    `select exists (select from rserv.truncate_log where table_id = ${here.tableId} and ${after(since)}) as whole`,
  )
  const own = keyColumns.map((name) => `t.${quoteIdent(name)}`).join(', ')
  if (row?.['whole'] === 't') return `select ${own}, ${rowJson(columns)} from ${table} t`
  const keys = keyColumns.map((name) => logColumn(here.keyColumns.indexOf(name)))
  const logged = `select distinct ${keys.map((key, index) => `${key} as ${logColumn(index)}`).join(', ')}
    from ${quoteName(logTable(here.tableId))} where ${after(since)}`
  const names = keyColumns.map((_, index) => `l.${logColumn(index)}`).join(', ')
  return `select ${names}, t.old_row from (${logged}) l left join lateral (
    select ${rowJson(columns)} as old_row from ${table} t where ${joinOn(description, keyColumns, 'l')}) t on true`
}

/** `t.key = alias.kN …`, by the key index's own operators. */
function joinOn(description: TableDescription, keyColumns: readonly string[], alias: string): string {
  const key = chooseKey(description, keyColumns, 'master')
  const terms = keyColumns.map((name, index) => {
    const equality = key.find((column) => column.name === name)?.equality
    const operator = `operator(${quoteIdent(equality?.schema ?? '')}.${equality?.name ?? ''})`
    return `t.${quoteIdent(name)} ${operator} ${alias}.${logColumn(index)}`
  })
  return terms.join(' and ')
}

/** JSON text has none of these bytes, so no line needs quotes. */
const PLAIN_CSV = `(format csv, delimiter e'\\x02', quote e'\\x01')`

/** Writes the report, one JSON document a line. */
export async function writeReport(source: Session, report: Report, output: NodeJS.WritableStream): Promise<void> {
  if (report.rejoinId === null) return
  const lines = source.copyOut(
    `copy (select json_build_object('rejoin', rejoin_id, 'number', number, 'schema', schema_name, 'table', table_name,
        'kind', kind, 'key', key, 'old', old_row, 'new', new_row)
      from rserv.rejoin_row where rejoin_id = ${quoteLiteral(report.rejoinId)} order by number) to stdout with ${PLAIN_CSV}`,
  )
  const through = new PassThrough()
  const done = pipeline(lines, through)
  for await (const chunk of through) output.write(chunk as Buffer)
  await done
}
