-- Logs without a btree: xid as bigint, which BRIN has operators for (docs/decisions/0044-logs-without-a-btree.md).

-- Existing logs are rewritten, with the functions that write them. Writers wait meanwhile; never for long before it begins,
-- and never in a circle. They wait for the captured tables: one that waited inside of a former function would go on with it.
do $$
declare
  logs constant text[] := array(select c.oid::regclass::text from pg_class c
    where c.relnamespace = 'rserv'::regnamespace and c.relkind = 'r' and c.relname ~ '^log_[0-9]+$' order by c.oid);
  captured constant text[] := array(select c.oid::regclass::text from rserv.replicated_table t
    join pg_class c on c.oid = t.table_oid order by c.oid);
  log text;
  relation text;
  index_name text;
  source text;
begin
  for attempt in 1 .. 30 loop
    begin
      perform set_config('lock_timeout', '250ms', true);
      foreach relation in array captured loop execute format('lock table %s in share row exclusive mode', relation); end loop;
      lock table rserv.truncate_log in access exclusive mode;
      -- With its second generation, which inherits from it.
      foreach log in array logs loop execute format('lock table %s in access exclusive mode', log); end loop;
      exit;
    exception when lock_not_available or deadlock_detected then
      if attempt = 30 then
        raise exception 'the logs could not be locked in 30 attempts; nothing was changed'
          using errcode = 'lock_not_available', hint = 'End long transactions that write replicated tables, and run it again.';
      end if;
      perform pg_sleep(0.05);
    end;
  end loop;
  perform set_config('lock_timeout', '0', true);

  alter table rserv.truncate_log alter column xid type int8 using xid::text::int8;
  foreach log in array logs loop
    for index_name in select x.indexrelid::regclass::text from pg_index x
      where x.indrelid = any (array(select log::regclass::oid union select i.inhrelid from pg_inherits i where i.inhparent = log::regclass))
    loop
      execute format('drop index %s', index_name);
    end loop;
    execute format('alter table %s alter column xid type int8 using xid::text::int8', log);
  end loop;
  for log in select c.oid::regclass::text from pg_class c
    where c.relnamespace = 'rserv'::regnamespace and c.relkind = 'r' and c.relname ~ '^log_[0-9]+(_1)?$'
  loop
    execute format('create index on %s using brin (xid) with (pages_per_range = 8)', log);
  end loop;

  for source in select pg_get_functiondef(p.oid) from pg_proc p
    where p.pronamespace = 'rserv'::regnamespace and (p.prorettype = 'trigger'::regtype or p.proname = 'unknown_key')
      and p.prosrc like '%pg_catalog.pg_current_xact_id()%'
  loop
    execute replace(replace(source, 'pg_catalog.pg_current_xact_id()', 'pg_catalog.txid_current()'), 'pg_catalog.xid8', 'pg_catalog.int8');
  end loop;
end $$;

create function rserv.summarize_log(id integer) returns integer
language sql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '20ms' as $$
  select pg_catalog.sum(pg_catalog.brin_summarize_new_values(x.indexrelid::pg_catalog.regclass))::integer
  from pg_catalog.pg_index x join pg_catalog.pg_class i on i.oid operator(pg_catalog.=) x.indexrelid
    join pg_catalog.pg_am a on a.oid operator(pg_catalog.=) i.relam
  where a.amname operator(pg_catalog.=) 'brin' and x.indrelid operator(pg_catalog.=) any (array[
    pg_catalog.to_regclass('rserv.log_' operator(pg_catalog.||) id),
    pg_catalog.to_regclass('rserv.log_' operator(pg_catalog.||) id operator(pg_catalog.||) '_1')]::pg_catalog.oid[])
$$;
comment on function rserv.summarize_log(integer) is
  'Makes the index entries of pages that a log has got since, both generations; entries made. Pages without are read by every look.';
