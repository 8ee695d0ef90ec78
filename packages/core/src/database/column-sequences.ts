/**
 * SQL of a query for the sequences that columns use, each once: `relid`, `attnum`, `seqid`, and `owned`, which is false
 * where a column's default uses a sequence that is not its own (several tables may share one). Sequences are the fewest of what is
 * joined, whatever the number of tables.
 */
export const COLUMN_SEQUENCES = `select u.relid, u.attnum, u.seqid, pg_catalog.bool_or(u.owned) as owned from (
    select d.refobjid as relid, d.refobjsubid as attnum, d.objid as seqid, true as owned from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.deptype in ('a', 'i') and d.refobjsubid > 0
    union all
    select f.adrelid, f.adnum, d.refobjid, false from pg_catalog.pg_attrdef f join pg_catalog.pg_depend d
      on d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.objid = f.oid
        and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass) u
  join pg_catalog.pg_sequence s on s.seqrelid = u.seqid group by 1, 2, 3`
