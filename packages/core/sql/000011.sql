-- The look at a thousand tables, faster: what few tables have is looked for in these, and namespaces once.

create or replace function rserv.catalog_version(tables oid[]) returns text language plpgsql stable as $$
begin
  return (select pg_catalog.bit_xor(pg_catalog.hash_record_extended(entry, 0)) from (
    select row('c'::text, c.oid, c.xmin, c.relname, c.relnamespace) from pg_catalog.pg_class c where c.oid = any (tables)
    union all select row('n'::text, n.oid, n.xmin) from pg_catalog.pg_namespace n
      where n.oid = any (array(select distinct c.relnamespace from pg_catalog.pg_class c where c.oid = any (tables)))
    union all select row('a'::text, a.attrelid, a.attnum, a.xmin) from pg_catalog.pg_attribute a
      where a.attrelid = any (tables) and a.attnum > 0
    union all select row('t'::text, t.oid, t.xmin) from pg_catalog.pg_trigger t where t.tgrelid = any (tables)
    union all select row('i'::text, i.indexrelid, i.xmin) from pg_catalog.pg_index i where i.indrelid = any (tables)
    union all select row('h'::text, h.inhrelid, h.inhparent, h.xmin) from pg_catalog.pg_inherits h
      where h.inhrelid = any (tables)
    union all select row('k'::text, h.inhrelid, h.inhparent, h.xmin) from pg_catalog.pg_inherits h
      where h.inhparent = any (tables)
    union all select row('r'::text, r.oid, r.xmin) from pg_catalog.pg_rewrite r
      where r.ev_class in (select c.oid from pg_catalog.pg_class c where c.oid = any (tables) and c.relhasrules)
    union all select row('p'::text, p.oid, p.xmin) from pg_catalog.pg_policy p where p.polrelid = any (tables)
    ) as entries (entry))::text;
end $$;
