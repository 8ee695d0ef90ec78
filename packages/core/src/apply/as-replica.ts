import { areFew } from '../changes/changed-tables.ts'
import { PLAN_ANYTHING, planFor } from '../changes/read-rows.ts'
import type { Session } from '../database/session.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { TransferSection } from '../transfer/transfer.ts'
import { logAbsentKeys, logCopy } from './kept-log.ts'
import type { TableResult } from './results.ts'
import {
  ANALYZE_FROM,
  columnLists,
  keysMatch,
  loadSection,
  onlyTable,
  stageColumn,
  stageSection,
  stageType,
  swallowed,
} from './stage.ts'
import type { TargetTable } from './target-table.ts'

/** Keys whose rows were deleted and whose new rows come next. */
interface Cleared {
  readonly keys: number
  readonly bytes: number
}

/**
 * Applies sections with session_replication_role = replica: foreign keys, ordinary triggers and rules are off, so
 * all changed keys are deleted and then inserted, which settles exchanged unique values too (cases 7 to 13).
 */
export class ReplicaWriter {
  readonly #session: Session
  #cleared: Cleared | undefined
  #stages = 0

  constructor(session: Session) {
    this.#session = session
  }

  /** Returns undefined where the table's rows are still to come. */
  async apply(target: TargetTable, section: TransferSection): Promise<TableResult | undefined> {
    if (section.part === 'mixed') return this.#applyMixed(target, section)
    if (section.part === 'keys') {
      this.#cleared = await this.#clearKeys(target, section)
      return undefined
    }
    if (section.table.mode === 'copy') return this.#copyTable(target, section)
    const cleared = this.#cleared
    this.#cleared = undefined
    const { rows, bytes } = await this.#loadRows(target, section)
    const deleted = cleared ? cleared.keys - rows : 0
    const counts = { written: rows, deleted, bytes: (cleared?.bytes ?? 0) + bytes }
    return { table: section.table.table, mode: 'changes', ...counts }
  }

  /** DELETE, not TRUNCATE: readers on the slave must not see the table empty, whatever their snapshot (case 149). */
  async #copyTable(target: TargetTable, section: TransferSection): Promise<TableResult> {
    const deleted = await this.#session.run(`delete from ${onlyTable(target)}`)
    await logCopy(this.#session, target)
    this.#session.reach('apply.emptied')
    const { rows, bytes } = await this.#loadRows(target, section)
    return { table: section.table.table, mode: 'copy', written: rows, deleted, bytes }
  }

  /** Straight into the table: nothing is written twice. */
  async #loadRows(target: TargetTable, section: TransferSection): Promise<{ rows: number; bytes: number }> {
    const { into } = columnLists(target)
    const loaded = await loadSection(this.#session, section, `${quoteName(target.description)} ${into}`)
    this.#session.reach('apply.copied')
    return loaded
  }

  async #clearKeys(target: TargetTable, section: TransferSection): Promise<Cleared> {
    const session = this.#session
    const name = `pg_temp.${quoteIdent(`rserv_keys_${this.#stages++}`)}`
    const indexes = section.table.keyColumns.map((key) => target.columns.findIndex((column) => column.name === key))
    const columns = indexes.flatMap((index) => {
      const column = target.columns[index]
      return column ? [`${stageColumn(index)} ${stageType(column)}`] : []
    })
    await session.run(`create temporary table ${name.replace('pg_temp.', '')} (${columns.join(', ')}) on commit drop`)
    const { rows, bytes } = await loadSection(session, section, `${name} (${indexes.map(stageColumn).join(', ')})`)
    if (rows >= ANALYZE_FROM) await session.run(`analyze ${name}`)
    session.reach('apply.staged')
    await session.run(planFor(areFew(rows, target.description.estimatedRows)))
    const logging = logAbsentKeys(target, `${name} s`)
    if (logging !== null) await session.run(logging)
    await session.run(`delete from ${onlyTable(target)} t using ${name} s where ${keysMatch(target)}`)
    await session.run(PLAN_ANYTHING)
    session.reach('apply.deleted')
    await session.run(`drop table ${name}`)
    return { keys: rows, bytes }
  }

  async #applyMixed(target: TargetTable, section: TransferSection): Promise<TableResult> {
    const session = this.#session
    const stage = await stageSection(session, target, section, this.#stages++)
    const logging = logAbsentKeys(target, `${stage.name} s`, 's.gone')
    if (logging !== null) await session.run(logging)
    await session.run(`delete from ${onlyTable(target)} t using ${stage.name} s where ${keysMatch(target)}`)
    session.reach('apply.deleted')
    const { into, from } = columnLists(target)
    const written = await session.run(
      `insert into ${quoteName(target.description)} ${into} overriding system value
        select ${from} from ${stage.name} s where not s.gone`,
    )
    if (written !== stage.rows - stage.gone) throw swallowed(session, section, stage.rows - stage.gone, written)
    session.reach('apply.copied')
    await session.run(`drop table ${stage.name}`)
    return { table: section.table.table, mode: 'changes', written, deleted: stage.gone, bytes: stage.bytes }
  }
}
