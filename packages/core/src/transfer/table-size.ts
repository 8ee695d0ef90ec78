import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { partitionTree } from '../database/partition-tree.ts'
import type { Session } from '../database/session.ts'

/** How large a table is on the master, with its partitions. */
export interface TableSize {
  /** The planner's estimate; null: it has none. */
  readonly rows: number | null
  /** On disk, with what is stored out of line. */
  readonly bytes: number
}

const SIZES = `select t.table_id, sum(pg_catalog.pg_table_size(c.oid)) as bytes,
    sum(case when c.relkind = 'r' then c.reltuples end)::bigint as rows,
    bool_or(c.relkind = 'r' and c.reltuples < 0) as unknown
  from rserv.replicated_table t cross join lateral (${partitionTree('t.table_oid')}) p
    join pg_catalog.pg_class c on c.oid = p.relid
  where t.table_id = any ($1::integer[]) group by 1`

/** The sizes of captured tables, by table id. */
export async function sizesOf(
  master: Session,
  tables: readonly ReplicatedTable[],
): Promise<ReadonlyMap<number, TableSize>> {
  if (tables.length === 0) return new Map()
  const rows = await master.query(SIZES, [`{${tables.map(({ tableId }) => tableId).join(',')}}`])
  const sizeOf = (row: (typeof rows)[number]): TableSize => ({
    rows: row['unknown'] === 't' || row['rows'] == null ? null : Number(row['rows']),
    bytes: Number(row['bytes'] ?? 0),
  })
  return new Map(rows.map((row) => [Number(row['table_id']), sizeOf(row)]))
}
