import { setSequence } from '../../apply/set-sequences.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import type { FewRows } from '../../changes/read-few.ts'
import { selectFew, toFewRows } from '../../changes/read-few.ts'
import { planForLog } from '../../changes/read-rows.ts'
import type { Row } from '../../database/session.ts'
import { quoteLiteral } from '../../shared/names.ts'
import { stateOf } from '../../transfer/sequences.ts'
import type { Link } from '../link.ts'
import type { Known, KnownTable } from './known.ts'
import type { KnownSequence } from './known-sequences.ts'
import type { Look } from './look.ts'

/** A table's changes on their way. */
export interface Moving {
  readonly table: ReplicatedTable
  readonly known: KnownTable
  readonly few: FewRows
}

export interface MovingSequence {
  readonly known: KnownSequence
  /** The statement that sets the slave's. */
  readonly statement: string
}

export interface Read {
  readonly syncId: string
  readonly token: string
  readonly tables: readonly Moving[]
  readonly sequences: readonly MovingSequence[]
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
  const sequences = [...tables.flatMap((table) => table.known.sequences), ...known.sequences]
  const since = known.position.position
  const ids = known.plan.tables.map(({ tableId }) => tableId).join(',')
  const answers = await master.batch([
    planForLog(true),
    ...tables.map(({ table, known: { description } }) => selectFew({ table, description, since, few: true })),
    ...sequences.map(({ source }) => stateOf(source)),
    `insert into rserv.sync (sync_id, server_id, position, table_ids)
      values (nextval('rserv.sync_id_seq'), ${known.server.id}, ${quoteLiteral(position)}, '{${ids}}') returning sync_id, token`,
    'commit',
  ])
  master.reach('transfer.durable')
  const rows = answers.flat()
  const moving = toMoving(tables, rows)
  const { sync_id: syncId, token } = rows.at(-1) ?? {}
  if (moving.length < tables.length || !syncId || !token) return null
  return { syncId, token, tables: moving, sequences: toSequences(sequences, rows.slice(tables.length)) }
}

/** The first answers: the rows of each table. */
function toMoving(tables: readonly Pick<Moving, 'table' | 'known'>[], answers: readonly Row[]): Moving[] {
  return tables.flatMap((one, index) => {
    const few = toFewRows(answers[index])
    return few ? [{ ...one, few }] : []
  })
}

function toSequences(sequences: readonly KnownSequence[], answers: readonly Row[]): MovingSequence[] {
  return sequences.map((known, index) => {
    const row = answers[index]
    const state = { lastValue: row?.['last_value'] ?? '1', isCalled: row?.['is_called'] === 't' }
    return { known, statement: setSequence(known.target, state) }
  })
}
