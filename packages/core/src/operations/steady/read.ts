import { setSequence } from '../../apply/set-sequences.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import type { FewRows } from '../../changes/read-few.ts'
import { selectFew, toFewRows } from '../../changes/read-few.ts'
import { planFor } from '../../changes/read-rows.ts'
import type { Row } from '../../database/session.ts'
import { quoteLiteral, quoteName } from '../../shared/names.ts'
import type { Link } from '../link.ts'
import type { Known, KnownTable } from './known.ts'
import type { Look } from './look.ts'

/** A table's changes on their way. */
export interface Moving {
  readonly table: ReplicatedTable
  readonly known: KnownTable
  readonly few: FewRows
  /** Statements that set the slave's sequences, one for each known. */
  readonly sequences: readonly string[]
}

export interface Read {
  readonly syncId: string
  readonly token: string
  readonly tables: readonly Moving[]
}

/**
 * Reads the changed rows and commits the sync row, with which the master is durable up to the position.
 * @returns null where rows are too large
 */
export async function read({ master }: Link, known: Known, { changed, position }: Look): Promise<Read | null> {
  const tables = changed.flatMap((table) => {
    const one = known.tables.get(table.tableId)
    return one ? [{ table, known: one }] : []
  })
  const since = known.position.position
  const ids = known.plan.tables.map(({ tableId }) => tableId).join(',')
  const answers = await master.batch([
    planFor(true),
    ...tables.map(({ table, known: { description } }) => selectFew({ table, description, since, few: true })),
    ...tables.flatMap(({ known: { sequences } }) =>
      sequences.map(({ source }) => `select last_value, is_called from ${quoteName(source)}`),
    ),
    `insert into rserv.sync (sync_id, server_id, position, table_ids)
      values (nextval('rserv.sync_id_seq'), ${known.server.id}, ${quoteLiteral(position)}, '{${ids}}') returning sync_id, token`,
    'commit',
  ])
  master.reach('transfer.durable')
  const rows = answers.flat()
  const moving = toMoving(tables, rows)
  const { sync_id: syncId, token } = rows.at(-1) ?? {}
  return moving.length === tables.length && syncId && token ? { syncId, token, tables: moving } : null
}

/** The answers: first the rows of each table, then the values of their sequences. */
function toMoving(tables: readonly Pick<Moving, 'table' | 'known'>[], answers: readonly Row[]): Moving[] {
  const values = answers.slice(tables.length).values()
  return tables.flatMap((one, index) => {
    const few = toFewRows(answers[index])
    const sequences = one.known.sequences.map(({ target }) => {
      const row = values.next().value
      return setSequence(target, { lastValue: row?.['last_value'] ?? '1', isCalled: row?.['is_called'] === 't' })
    })
    return few ? [{ ...one, few, sequences }] : []
  })
}
