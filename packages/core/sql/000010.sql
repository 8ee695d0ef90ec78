-- A capture may learn of changed keys from the columns that an UPDATE names.

create function rserv.keys_are_named(id integer) returns boolean language plpgsql immutable as $$
begin
  return not exists (
    select from rserv.replicated_table r
      join pg_catalog.pg_trigger k on k.tgrelid operator(pg_catalog.=) r.table_oid
        and pg_catalog.array_length(k.tgattr::pg_catalog.int2[], 1) operator(pg_catalog.>) 0
      join pg_catalog.pg_proc p on p.oid operator(pg_catalog.=) k.tgfoid
        and p.pronamespace operator(pg_catalog.=) 'rserv'::pg_catalog.regnamespace
      join pg_catalog.pg_trigger b on b.tgrelid operator(pg_catalog.=) r.table_oid
        and (b.tgtype operator(pg_catalog.&) 19::pg_catalog.int2) operator(pg_catalog.=) 19
      where r.table_id operator(pg_catalog.=) id);
end $$;
comment on function rserv.keys_are_named(integer) is
  'False where a BEFORE UPDATE trigger for rows may change a key that the UPDATE does not name, while the capture looks at '
  'the names. Called immutable, so that the planner asks once: every change of the table''s triggers makes it plan anew.';
