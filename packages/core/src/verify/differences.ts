import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { logColumn, logTable } from '../log/log-table.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'
import type { ComparedTable } from './compared-table.ts'
import { stagedKey, temporary } from './compared-table.ts'
import { pipeCopy } from './pipe-copy.ts'

/** `missing`: only the master has the key; `extra`: only the slave; `different`: both, with other values. */
export type DifferenceKind = 'missing' | 'extra' | 'different'

export interface DifferingKey {
  readonly kind: DifferenceKind
  /** The key's values as text, in the order of the key columns. */
  readonly key: readonly string[]
}

export interface Differences {
  readonly missing: number
  readonly extra: number
  readonly different: number
  /** The first of them. */
  readonly keys: readonly DifferingKey[]
}

export const NO_DIFFERENCES: Differences = { missing: 0, extra: 0, different: 0, keys: [] }

/** Counts what `compareTable` found and names at most `limit` keys. */
export async function readDifferences(slave: Session, compared: ComparedTable, limit: number): Promise<Differences> {
  const found = temporary(compared, 'found')
  const counts = await slave.query(`select kind, count(*) as keys from ${found} group by kind`)
  const count = (kind: DifferenceKind): number => Number(counts.find((row) => row['kind'] === kind)?.['keys'] ?? 0)
  const texts = stagedKey(compared).map(({ staged }) => `pg_catalog.concat(${staged})`)
  const order = texts.map((text) => `pg_catalog.length(${text}), ${text} collate "C"`)
  const keys = await slave.json<DifferingKey[]>(
    `select coalesce(json_agg(k), '[]') from (select kind, json_build_array(${texts.join(', ')}) as key
      from ${found} order by ${order.join(', ')}, kind limit ${limit}) k`,
  )
  return { missing: count('missing'), extra: count('extra'), different: count('different'), keys }
}

/** Can every differing key be written into the master's log? One that only a wider type of the slave holds cannot. */
export function fitsLog({ description, target, table }: ComparedTable, { extra }: Differences): boolean {
  if (extra === 0) return true
  return table.keyColumns.every((name) => {
    const type = (columns: ComparedTable['description']['columns']): string | undefined =>
      columns.find((column) => column.name === name)?.baseType
    return type(description.columns) === type(target.columns)
  })
}

/**
 * Writes the differing keys into the master's log, as if they had changed there: the next transfer of any slave brings
 * their current state. In the master's transaction; the caller commits.
 * @param current the table as it is recorded in that transaction
 */
export async function feedLog(
  master: Session,
  slave: Session,
  compared: ComparedTable,
  current: ReplicatedTable,
): Promise<number> {
  const row = await master.row('select pg_catalog.pg_current_xact_id()::text as xid')
  const keys = stagedKey(compared)
  const query = `select ${quoteLiteral(row?.['xid'] ?? '')}::text, ${keys.map(({ staged }) => staged).join(', ')}
    from ${temporary(compared, 'found')}`
  const columns = keys.map((_, index) => logColumn(index)).join(', ')
  const log = quoteName(logTable(current.tableId, current.generation))
  return pipeCopy({ session: slave, query }, { session: master, into: `${log} (xid, ${columns})` })
}
