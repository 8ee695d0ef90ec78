-- A statement of the capture that holds no subquery is locked for with less work, by every statement of the application.

create function rserv.unknown_key_once(id integer) returns boolean language sql stable as $$
  select rserv.unknown_key(id)
$$;
comment on function rserv.unknown_key_once(integer) is
  'As unknown_key. Called stable, so that a statement whose WHERE asks nothing else asks once and not for each row.';

-- The look at a thousand tables, faster: no records are made of catalog entries, and names are compared in our schema only.

create or replace function rserv.catalog_version(tables oid[]) returns text language plpgsql stable as $$
begin
  return pg_catalog.concat_ws(' ',
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(c.xmin::text || ' ' || c.relnamespace::text || ' ' || c.relname, c.oid::int8))
      from pg_catalog.pg_class c where c.oid = any (tables)),
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(n.xmin::text, n.oid::int8)) from pg_catalog.pg_namespace n
      where n.oid = any (array(select distinct c.relnamespace from pg_catalog.pg_class c where c.oid = any (tables)))),
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(a.xmin::text, (a.attrelid::int8 << 16) + a.attnum))
      from pg_catalog.pg_attribute a where a.attrelid = any (tables) and a.attnum > 0),
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(t.xmin::text, t.oid::int8))
      from pg_catalog.pg_trigger t where t.tgrelid = any (tables)),
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(i.xmin::text, i.indexrelid::int8))
      from pg_catalog.pg_index i where i.indrelid = any (tables)),
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(h.xmin::text || ' ' || h.inhparent::text, h.inhrelid::int8))
      from pg_catalog.pg_inherits h where h.inhrelid = any (tables)),
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(h.xmin::text || ' ' || h.inhparent::text, h.inhrelid::int8))
      from pg_catalog.pg_inherits h where h.inhparent = any (tables)),
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(r.xmin::text, r.oid::int8)) from pg_catalog.pg_rewrite r
      where r.ev_class in (select c.oid from pg_catalog.pg_class c where c.oid = any (tables) and c.relhasrules)),
    (select pg_catalog.bit_xor(pg_catalog.hashtextextended(p.xmin::text, p.oid::int8))
      from pg_catalog.pg_policy p where p.polrelid = any (tables)));
end $$;

create or replace function rserv.filled_logs() returns setof integer language sql stable as $$
  select distinct pg_catalog.split_part(l.relname, '_', 2)::integer from (
    select c.oid, c.relname from pg_catalog.pg_class c
      where c.relnamespace = 'rserv'::pg_catalog.regnamespace and c.relkind = 'r' offset 0) l
    where l.relname ~ '^log_[0-9]+(_1)?$' and pg_catalog.pg_relation_size(l.oid, 'main') > 0
$$;
