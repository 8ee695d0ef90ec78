import { ACTIVE } from '../../changes/active-tables.ts'
import type { Session } from '../../database/session.ts'
import { logTable } from '../../log/log-table.ts'
import type { QualifiedName } from '../../shared/names.ts'
import { quoteName } from '../../shared/names.ts'

/** The log of one captured table. */
export interface LogSize {
  readonly tableId: number
  readonly table: QualifiedName
  /** Counted where the log is small, else as the server's statistics tell. */
  readonly logRows: number
  /** Heap and indexes of both generations. */
  readonly logBytes: number
  /** Does the log hold anything, or that the table was truncated? */
  readonly active: boolean
}

/** Logs of up to so many bytes are counted. */
const COUNTED_BYTES = 4 * 1024 * 1024

/** Log rows on a page where the server has no statistics yet: of a key of one bigint. */
const ROWS_ON_PAGE = 120

const SIZES = `select coalesce(json_agg(json_build_object('tableId', table_id,
    'table', json_build_object('schema', schema_name, 'name', table_name), 'logBytes', bytes, 'heapBytes', heap, 'guess', rows,
    'active', table_id in (${ACTIVE})) order by table_id), '[]')
  from (select r.table_id, r.schema_name, r.table_name, sum(pg_total_relation_size(c.oid))::bigint as bytes,
      sum(pg_relation_size(c.oid))::bigint as heap,
      ceil(sum(pg_relation_size(c.oid) / current_setting('block_size')::int
        * case when c.relpages > 0 and c.reltuples >= 0 then c.reltuples / c.relpages else ${ROWS_ON_PAGE} end)) as rows
    from rserv.replicated_table r join pg_class c on c.relnamespace = 'rserv'::regnamespace
      and c.relname in ('log_' || r.table_id, 'log_' || r.table_id || '_1')
    group by r.table_id) as sizes`

interface Measured extends Omit<LogSize, 'logRows'> {
  readonly heapBytes: number
  readonly guess: number
}

/** The logs of all captured tables: one statement, and one more for the small ones that hold anything. */
export async function logSizes(session: Session): Promise<LogSize[]> {
  const measured = await session.json<Measured[]>(SIZES)
  const counted = measured.filter(({ active, heapBytes }) => active && heapBytes <= COUNTED_BYTES)
  const counts = new Map<number, number>()
  if (counted.length > 0) {
    const parts = counted.map(
      ({ tableId }) => `select ${tableId} as id, count(*) as rows from ${quoteName(logTable(tableId))}`,
    )
    for (const row of await session.query(parts.join(' union all '))) counts.set(Number(row['id']), Number(row['rows']))
  }
  return measured.map(({ tableId, table, logBytes, guess, active }) => ({
    tableId,
    table,
    logBytes,
    active,
    logRows: counts.get(tableId) ?? (active ? guess : 0),
  }))
}
