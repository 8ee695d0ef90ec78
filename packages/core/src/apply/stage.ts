import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Column } from '../database/describe-table.ts'
import { sqlError } from '../database/server-errors.ts'
import type { Session } from '../database/session.ts'
import type { Side } from '../shared/errors.ts'
import { RservError } from '../shared/errors.ts'
import { displayName, quoteIdent, quoteName } from '../shared/names.ts'
import type { TransferSection } from '../transfer/transfer.ts'
import type { TargetTable } from './target-table.ts'

/** Rows of one section, in a temporary table with columns `gone` and `c1`, `c2`, … */
export interface Stage {
  readonly target: TargetTable
  /** Its name as SQL. */
  readonly name: string
  /** Rows in it, and of these the keys that have no row on the master. */
  readonly rows: number
  readonly gone: number
  readonly bytes: number
}

/** Enough rows for the planner to be worth an ANALYZE. */
export const ANALYZE_FROM = 1000

/** Loads a section into a temporary table; a copied table's rows are all there, none gone. */
export async function stageSection(
  session: Session,
  target: TargetTable,
  section: TransferSection,
  number: number,
): Promise<Stage> {
  const name = `pg_temp.${quoteIdent(`rserv_stage_${number}`)}`
  const columns = target.columns.map((column, index) => `${stageColumn(index)} ${stageType(column)}`)
  const keyed = section.table.mode === 'changes'
  const gone = keyed ? 'gone pg_catalog.bool not null' : 'gone pg_catalog.bool not null default false'
  await session.run(
    `create temporary table ${name.replace('pg_temp.', '')} (${[gone, ...columns].join(', ')}) on commit drop`,
  )
  const into = [...(keyed ? ['gone'] : []), ...target.columns.map((_, index) => stageColumn(index))]
  const loaded = await loadSection(session, section, `${name} (${into.join(', ')})`)
  if (loaded.rows >= ANALYZE_FROM) await session.run(`analyze ${name}`)
  const count = keyed ? await session.row(`select count(*) as gone from ${name} where gone`) : undefined
  session.reach('apply.staged')
  return { target, name, ...loaded, gone: Number(count?.['gone'] ?? 0) }
}

export function stageColumn(index: number): string {
  return `c${index + 1}`
}

/** Domains are checked when the row goes into its table: a gone row has NULL where a domain may forbid it. */
export function stageType(column: Column): string {
  return column.collation ? `${column.baseType} collate ${quoteName(column.collation)}` : column.baseType
}

/**
 * Sends a section's bytes into a COPY.
 * @param into SQL of the table and its columns
 * @throws RservError ROWS_SWALLOWED when fewer rows arrived than were sent
 */
export async function loadSection(
  session: Session,
  section: TransferSection,
  into: string,
): Promise<{ rows: number; bytes: number }> {
  let bytes = 0
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length
      section.onBytes?.(chunk.length)
      const held = section.flow?.pass(chunk.length)
      if (held) held.then(() => done(null, chunk), done)
      else done(null, chunk)
    },
  })
  const target = session.copyIn(`copy ${into} from stdin${section.binary ? ' (format binary)' : ''}`)
  // A pipeline hands an error on to all of its streams: the first one to have it is where it comes from.
  let side: Side | undefined = section.data.errored ? 'master' : undefined
  section.data.once('error', () => (side ??= 'master'))
  target.once('error', () => (side ??= 'slave'))
  try {
    await pipeline(section.data, meter, target)
  } catch (error) {
    throw sqlError(error, side ?? 'slave')
  }
  if (target.rowCount !== section.rowCount()) throw swallowed(session, section, section.rowCount(), target.rowCount)
  return { rows: target.rowCount, bytes }
}

/** The error for rows that a trigger or rule of the slave kept out. */
export function swallowed(
  session: Session,
  section: Pick<TransferSection, 'table'>,
  sent: number,
  arrived: number,
): RservError {
  return new RservError(
    'ROWS_SWALLOWED',
    `${displayName(section.table.table)}: ${sent} rows were sent, ${arrived} arrived in slave ${session.database}`,
    { side: 'slave', hint: 'A trigger or rule of the slave keeps rows out (ENABLE ALWAYS or REPLICA); disable it.' },
  )
}

/** `t.key = s.cN …` for every key column, by the slave index's own operators. */
export function keysMatch(target: TargetTable): string {
  const terms = target.key.map((key) => {
    const index = target.columns.findIndex((column) => column.name === key.name)
    const operator = `operator(${quoteIdent(key.equality.schema)}.${key.equality.name})`
    return `t.${quoteIdent(key.name)} ${operator} s.${stageColumn(index)}`
  })
  return terms.join(' and ')
}

/** The table as the target of DML: children of old-style inheritance are not touched. */
export function onlyTable(target: TargetTable): string {
  return `${target.description.kind === 'p' ? '' : 'only '}${quoteName(target.description)}`
}

/** `(a, b)` and `c1, c2`: the columns of the table and of the stage. */
export function columnLists(target: TargetTable): { into: string; from: string } {
  return {
    into: `(${target.columns.map((column) => quoteIdent(column.name)).join(', ')})`,
    from: target.columns.map((_, index) => `s.${stageColumn(index)}`).join(', '),
  }
}
