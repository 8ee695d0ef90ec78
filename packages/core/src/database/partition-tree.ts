/**
 * SQL of a query for the OIDs (`relid`) of a table and of all partitions below it, intermediate ones too.
 *
 * Unlike `pg_partition_tree` it locks nothing. That function locks the partitions, but not the table, until the
 * transaction ends: DDL comes from the table to its partitions and would meet us, who want the table next, in a deadlock.
 * @param root SQL of the table's OID
 */
export function partitionTree(root: string): string {
  return `with recursive tree (relid) as (
    select ${root}::oid
    union all
    select h.inhrelid from tree join pg_catalog.pg_inherits h on h.inhparent = tree.relid and not h.inhdetachpending
      join pg_catalog.pg_class child on child.oid = h.inhrelid and child.relispartition)
  select relid from tree`
}
