import type { ReadRequest } from '../changes/read-rows.ts'
import { leastKey } from '../changes/read-rows.ts'
import type { Session } from '../database/session.ts'
import { byIndex } from '../log/by-index.ts'
import { logTable } from '../log/log-table.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'
import type { SectionWishes, TransferTable } from './transfer.ts'

/**
 * How a table's rows travel:
 * - `whole`: all of its rows, for a table that is copied, one that the slave has no row of, or one that is small beside
 *   its log, of which then nothing is read: the cost does not depend on the number of changes;
 * - `rows`: the rows of the changed keys, where the slave has none of these keys (a table that only grows);
 * - `keys-and-rows`: the changed keys to be deleted, then their rows;
 * - `mixed`: both in one, for a file and for a role that may not set session_replication_role.
 */
export type Way = 'whole' | 'rows' | 'keys-and-rows' | 'mixed'

/** Fewer log rows than this are not worth a question. */
const MANY = 1000
/** A table is small beside its log when that has so many times its bytes: reading it is then quicker. */
const SMALL = 4

interface Question {
  readonly request: ReadRequest
  readonly header: TransferTable
  /** At least that many; all of them where they are fewer than the table's rows. */
  readonly logRows: number
}

/** The one rule that chooses; figures are in docs/decisions/0008-ways.md. */
export async function chooseWay(session: Session, question: Question, wishes: SectionWishes): Promise<Way> {
  const { request, header, logRows } = question
  if (header.mode === 'copy') return 'whole'
  if (!wishes.apart) return 'mixed'
  if (logRows < MANY) return 'keys-and-rows'
  if (wishes.whole(header)) {
    if (logRows >= request.description.estimatedRows && (await isSmall(session, request))) return 'whole'
    if (!(await wishes.holds(header, null))) return 'whole'
  }
  const sql = leastKey(request)
  if (sql === null) return 'keys-and-rows'
  const [row] = await byIndex(session, sql)
  return (await wishes.holds(header, row?.['least'] ?? null)) ? 'keys-and-rows' : 'rows'
}

async function isSmall(session: Session, { table, description }: ReadRequest): Promise<boolean> {
  if (description.kind === 'p') return false
  const [own, log] = [quoteName(description), quoteName(logTable(table.tableId, table.generation))].map(quoteLiteral)
  const row = await session.row(
    `select pg_relation_size(${own}::regclass) * ${SMALL} <= pg_relation_size(${log}::regclass) as small`,
  )
  return row?.['small'] === 't'
}
