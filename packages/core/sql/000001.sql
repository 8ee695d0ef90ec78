-- Bookkeeping of rserv, the same on masters and slaves. Never edited once released: a change is a new file.

create function rserv.place() returns text language plpgsql stable as $$
begin
  return (select c.system_identifier || '/' || d.oid from pg_catalog.pg_control_system() c, pg_catalog.pg_database d
    where d.datname = pg_catalog.current_database());
exception when insufficient_privilege then return null;
end $$;
comment on function rserv.place() is
  'Names this database among all: a dump, a template or pg_upgrade brings the bookkeeping to another place.';

create table rserv.node (
  singleton boolean primary key default true check (singleton),
  node_id uuid not null default pg_catalog.gen_random_uuid(),
  is_master boolean not null default false,
  is_slave boolean not null default false,
  backend text,
  schema_version integer not null,
  place text default rserv.place(),
  created_at timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table rserv.node is 'This database''s identity as a replication node; one row.';
comment on column rserv.node.place is 'Where this was set up as a master; null where that cannot be told.';
comment on column rserv.node.backend is 'Trigger backend for tables that name none.';

-- Master side -----------------------------------------------------------------------------------

create sequence rserv.sync_id_seq as bigint;
comment on sequence rserv.sync_id_seq is 'Names positions; gaps are normal.';

create table rserv.server (
  server_id integer generated always as identity primary key,
  node_id uuid unique,
  name text not null unique,
  registered_at timestamptz not null default pg_catalog.clock_timestamp(),
  sync_id bigint,
  position pg_snapshot,
  confirmed_at timestamptz,
  table_ids integer[] not null default '{}'
);
comment on table rserv.server is 'The slaves that this master knows, with the last position each one confirmed.';
comment on column rserv.server.node_id is 'Identity of the slave database; null until the slave was seen.';
comment on column rserv.server.table_ids is 'Tables that the slave holds as of its confirmed position.';

create table rserv.replicated_table (
  table_id integer generated always as identity primary key,
  table_oid oid not null unique,
  schema_name text not null,
  table_name text not null,
  key_columns text[] not null,
  backend text not null,
  granularity text not null check (granularity in ('statement', 'row')),
  captured_from pg_snapshot not null,
  log_start pg_snapshot not null,
  generation smallint not null default 0 check (generation in (0, 1)),
  trigger_count integer not null,
  partition_oids oid[] not null default '{}',
  key_numbers smallint[] not null default '{}',
  fingerprint jsonb,
  writes_before bigint not null default 0,
  added_at timestamptz not null default pg_catalog.clock_timestamp(),
  unique (schema_name, table_name)
);
comment on table rserv.replicated_table is 'Captured tables; the log of each is rserv.log_<table_id>.';
comment on column rserv.replicated_table.captured_from is 'Position at which the capture began.';
comment on column rserv.replicated_table.log_start is
  'The log serves positions that have seen all of this one; cleaning moves it forward.';
comment on column rserv.replicated_table.generation is
  'Which of the two log tables of this table is written now: 0 is log_<table_id>, 1 is log_<table_id>_1.';
comment on column rserv.replicated_table.trigger_count is 'Triggers that the capture put on the table.';
comment on column rserv.replicated_table.partition_oids is 'Partitions whose rows the capture has followed.';
comment on column rserv.replicated_table.key_numbers is 'Attribute numbers of key_columns.';
comment on column rserv.replicated_table.writes_before is
  'Row writes that the statistics had counted when the capture began; what they count since must be in the log.';
comment on column rserv.replicated_table.fingerprint is
  'Files and columns as the last transfer knew them; tells DDL that changed rows without firing a trigger.';

create table rserv.truncate_log (
  xid xid8 not null,
  table_id integer not null
);
create index truncate_log_xid on rserv.truncate_log (xid);
comment on table rserv.truncate_log is 'Transactions after which any key of a table may have changed (TRUNCATE).';

create table rserv.gate ();
comment on table rserv.gate is
  'Readers lock it ACCESS SHARE before their snapshot; whoever empties a log by TRUNCATE, ACCESS EXCLUSIVE.';

create function rserv.filled_logs() returns setof integer language sql stable as $$
  select distinct pg_catalog.split_part(c.relname, '_', 2)::integer from pg_catalog.pg_class c
    where c.relnamespace = 'rserv'::pg_catalog.regnamespace and c.relkind = 'r' and c.relname ~ '^log_[0-9]+(_1)?$'
      and pg_catalog.pg_relation_size(c.oid, 'main') > 0
$$;
comment on function rserv.filled_logs() is
  'Ids of the tables whose log has pages, of either generation, and so perhaps rows; of no use to whoever reads before locking the gate.';

create function rserv.is_of_type(value anyelement, wanted anycompatible) returns boolean
language plpgsql immutable parallel safe as $$
declare
  type oid := pg_catalog.pg_typeof(value);
  sought constant oid := pg_catalog.pg_typeof(wanted);
begin
  loop
    if type operator(pg_catalog.=) sought then return true; end if;
    select t.typbasetype into type from pg_catalog.pg_type t
      where t.oid operator(pg_catalog.=) type and t.typtype operator(pg_catalog.=) 'd';
    if not found then return false; end if;
  end loop;
end $$;
comment on function rserv.is_of_type(anyelement, anycompatible) is
  'Are both of one type, domains resolved? Looks at no value, so the planner asks it once and not for each row.';

create function rserv.as_type(value anyelement, wanted anycompatible) returns anycompatible
language sql immutable parallel safe as $$ select value $$;
comment on function rserv.as_type(anyelement, anycompatible) is
  'The value, where is_of_type says so; can be written whatever type it has, and the planner leaves nothing of it.';

create function rserv.unknown_key(id integer) returns boolean language plpgsql as $$
begin
  insert into rserv.truncate_log (xid, table_id) values (pg_catalog.pg_current_xact_id(), id);
  return true;
end $$;
comment on function rserv.unknown_key(integer) is 'Logs that any key of a table may have changed; true.';

create table rserv.sync (
  sync_id bigint primary key,
  server_id integer not null references rserv.server on delete cascade,
  position pg_snapshot not null,
  table_ids integer[] not null,
  token uuid not null default pg_catalog.gen_random_uuid(),
  prepared_at timestamptz not null default pg_catalog.clock_timestamp()
);
create index sync_server on rserv.sync (server_id, sync_id);
comment on table rserv.sync is 'Positions of transfers that were prepared for a slave.';
comment on column rserv.sync.token is
  'What nobody gives out twice: after a restore, sync ids and transaction ids name other moments than before.';

-- Slave side ------------------------------------------------------------------------------------

create table rserv.slave_table (
  schema_name text not null,
  table_name text not null,
  key_columns text[] not null,
  state text not null check (state in ('new', 'assumed', 'synced')),
  origin uuid,
  parked_at timestamptz,
  parked_code text,
  parked_message text,
  added_at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (schema_name, table_name)
);
comment on table rserv.slave_table is 'Tables that this slave takes from a master.';
comment on column rserv.slave_table.state is
  'new: is copied by the next transfer; assumed: the user says that the rows are there; synced: as of the position.';

comment on column rserv.slave_table.parked_at is
  'When it last failed: left out of transfers, so that the other tables go on, until it can be copied again.';

create table rserv.slave_sync (
  origin uuid primary key,
  server_name text,
  sync_id bigint,
  position pg_snapshot,
  token uuid,
  applied_at timestamptz
);
comment on table rserv.slave_sync is
  'The truth about this slave''s position, written in the transaction that applies the rows.';

-- Both sides ------------------------------------------------------------------------------------

create function rserv.catalog_version(tables oid[]) returns text language plpgsql stable as $$
begin
  return (select pg_catalog.bit_xor(pg_catalog.hash_record_extended(entry, 0)) from (
    select row('c'::text, c.oid, c.xmin, c.relname, c.relnamespace) from pg_catalog.pg_class c where c.oid = any (tables)
    union all select row('n'::text, n.oid, n.xmin) from pg_catalog.pg_namespace n
      where n.oid in (select c.relnamespace from pg_catalog.pg_class c where c.oid = any (tables))
    union all select row('a'::text, a.attrelid, a.attnum, a.xmin) from pg_catalog.pg_attribute a
      where a.attrelid = any (tables) and a.attnum > 0
    union all select row('t'::text, t.oid, t.xmin) from pg_catalog.pg_trigger t where t.tgrelid = any (tables)
    union all select row('i'::text, i.indexrelid, i.xmin) from pg_catalog.pg_index i where i.indrelid = any (tables)
    union all select row('h'::text, h.inhrelid, h.inhparent, h.xmin) from pg_catalog.pg_inherits h
      where h.inhrelid = any (tables)
    union all select row('k'::text, h.inhrelid, h.inhparent, h.xmin) from pg_catalog.pg_inherits h
      where h.inhparent = any (tables)
    union all select row('r'::text, r.oid, r.xmin) from pg_catalog.pg_rewrite r where r.ev_class = any (tables)
    union all select row('p'::text, p.oid, p.xmin) from pg_catalog.pg_policy p where p.polrelid = any (tables)
    ) as entries (entry))::text;
end $$;
comment on function rserv.catalog_version(oid[]) is
  'Digest of the versions of all catalog entries of tables: another one after DDL, the same after VACUUM and ANALYZE.';

create function rserv.master_version(wanted integer[]) returns text language plpgsql stable as $$
begin
  return rserv.catalog_version(array(
      select t.table_oid from rserv.replicated_table t where t.table_id = any (wanted)
      union all
      select pg_catalog.unnest(t.partition_oids) from rserv.replicated_table t where t.table_id = any (wanted)))
    || (select pg_catalog.md5(pg_catalog.string_agg(t.table_id || ':' || t.xmin || ':' || t.ctid, ' ' order by t.table_id))
      from rserv.replicated_table t where t.table_id = any (wanted));
end $$;
comment on function rserv.master_version(integer[]) is 'Version of captured tables, and of their capture.';

create function rserv.slave_version() returns text language plpgsql stable as $$
begin
  return rserv.catalog_version(array(
      select c.oid from rserv.slave_table s join pg_catalog.pg_namespace n on n.nspname = s.schema_name
      join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = s.table_name))
    || (select pg_catalog.md5(pg_catalog.string_agg(s.schema_name || '.' || s.table_name || ':' || s.xmin || ':' || s.ctid, ' '
      order by s.schema_name, s.table_name)) from rserv.slave_table s);
end $$;
comment on function rserv.slave_version() is 'Version of the tables that this slave takes.';
