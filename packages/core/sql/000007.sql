-- Slaves that keep a log of their own, and so can take over or feed further slaves.

alter table rserv.node add column keeps_log boolean not null default false;
comment on column rserv.node.keeps_log is
  'Does this slave log the keys of what it applies? Then it can feed others, and take over.';

create table rserv.applied (
  own_xid xid8 not null,
  origin uuid not null,
  sync_id bigint not null,
  position pg_snapshot not null,
  token uuid,
  own_position pg_snapshot not null,
  applied_at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (own_xid, origin)
);
create index applied_origin on rserv.applied (origin, sync_id);
comment on table rserv.applied is
  'The origin''s positions that this node held, each with its own position just after: its log names what changed here since.';
comment on column rserv.applied.origin is 'uuid of the node whose state it is.';
comment on column rserv.applied.sync_id is 'Of the origin.';
comment on column rserv.applied.token is 'Of the origin: rserv.sync.token.';
comment on column rserv.applied.applied_at is 'Server''s clock.';
comment on column rserv.applied.own_xid is 'Transaction that applied it, or found it applied.';
comment on column rserv.applied.position is 'Of the origin.';
comment on column rserv.applied.own_position is
  'Of this node: the first that sees own_xid. Who else was under way then is after it.';

create function rserv.own_position() returns pg_snapshot language plpgsql as $$
declare
  own constant xid8 := pg_catalog.pg_current_xact_id();
  seen constant pg_snapshot := pg_catalog.pg_current_snapshot();
  running text;
begin
  -- A snapshot does not list its own transaction: it sees it unless it ends before.
  if own operator(pg_catalog.<) pg_catalog.pg_snapshot_xmax(seen) then return seen; end if;
  select pg_catalog.string_agg(id::text, ',' order by id) into running from (
    select xid::text::bigint as id from pg_catalog.pg_snapshot_xip(seen) as xid
    union select pg_catalog.generate_series(pg_catalog.pg_snapshot_xmax(seen)::text::bigint, own::text::bigint - 1)) as ids;
  return pg_catalog.format('%s:%s:%s', pg_catalog.pg_snapshot_xmin(seen), own::text::bigint + 1, running)::pg_snapshot;
end $$;
comment on function rserv.own_position() is
  'The position just after this transaction, which commits: its snapshot, and itself. Of use in read committed only.';

create function rserv.refuse_write() returns trigger language plpgsql as $$
begin
  if pg_catalog.current_setting('rserv.applying', true) = 'on' then
    if tg_level = 'ROW' and tg_op <> 'DELETE' then return new; end if;
    return old;
  end if;
  raise exception 'table %.% is a slave''s copy: only its replication writes it', tg_table_schema, tg_table_name
    using errcode = 'read_only_sql_transaction',
      hint = 'Write on the master. A slave that was promoted by rserv may be written.';
end $$;
comment on function rserv.refuse_write() is
  'Guards the tables of a slave that keeps a log: what is written there by others would be in no master''s state.';

create function rserv.includes(later pg_snapshot, earlier pg_snapshot) returns boolean language sql immutable as $$
  select pg_catalog.pg_snapshot_xmax(earlier) operator(pg_catalog.<=) pg_catalog.pg_snapshot_xmin(later)
    or (pg_catalog.pg_snapshot_xmax(earlier) operator(pg_catalog.<=) pg_catalog.pg_snapshot_xmax(later) and not exists (
      select from pg_catalog.pg_snapshot_xip(later) as xid where pg_catalog.pg_visible_in_snapshot(xid, earlier)))
$$;
comment on function rserv.includes(pg_snapshot, pg_snapshot) is
  'Has the first seen all that the second has? Both are positions of one node, so that one of them has.';

-- Who is the master: positions carry the node and its generation. And slaves behind slaves.

create table rserv.reign (
  cluster uuid primary key,
  generation bigint not null,
  master uuid not null,
  since timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table rserv.reign is
  'Which node is the master of the tables that came from one first master, the cluster. A node that knows of an older generation feeds nobody who knows of a later one.';
comment on column rserv.reign.cluster is 'node_id of the first master.';
comment on column rserv.reign.master is 'node_id of the master of that generation.';
comment on column rserv.reign.since is 'When this node learnt of it.';
comment on column rserv.reign.generation is 'Raised by each promotion; never falls.';

alter table rserv.node add column cluster uuid;
comment on column rserv.node.cluster is 'Of a master, and of a slave that may become it: the node_id of the first master.';
update rserv.node set cluster = node_id where is_master;
insert into rserv.reign (cluster, generation, master) select node_id, 1, node_id from rserv.node where is_master;

create function rserv.life() returns text language plpgsql stable as $$
begin
  return pg_catalog.concat(rserv.place(), '@', pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8));
exception when insufficient_privilege then return rserv.place();
end $$;
comment on function rserv.life() is
  'System identifier, database and timeline: another one after a standby was promoted or the database restored to a point in time.';

alter table rserv.slave_sync
  add column via uuid,
  add column life text;
comment on column rserv.slave_sync.via is
  'The node that fed this slave with the origin''s state, where it was not the origin itself.';
comment on column rserv.slave_sync.life is 'Of the origin, when it gave the position: rserv.life().';
alter table rserv.applied add column life text;
comment on column rserv.applied.life is 'As rserv.slave_sync.life.';

alter table rserv.server add column behind pg_snapshot;
comment on column rserv.server.behind is
  'Least position of this node that slaves behind that slave are at: they may want to be fed from here one day.';

create table rserv.given (
  sync_id bigint not null,
  position pg_snapshot not null,
  token uuid primary key
);
comment on table rserv.given is
  'Positions of rserv.sync that this node gave to nodes that it feeds no more: they may become its masters.';

-- Changes of roles under way, and rows that only a former master had.

create table rserv.handover (
  singleton boolean primary key default true check (singleton),
  new_master uuid not null,
  since timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table rserv.handover is
  'On a master whose writes are refused because another node is about to take over; empty otherwise.';

create table rserv.rejoin (
  rejoin_id uuid primary key default pg_catalog.gen_random_uuid(),
  old_master uuid not null,
  old_database text not null,
  at timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table rserv.rejoin is 'Former masters that came back as slaves.';

create table rserv.rejoin_row (
  rejoin_id uuid not null references rserv.rejoin on delete cascade,
  number bigint generated always as identity,
  schema_name text not null,
  table_name text not null,
  kind text not null check (kind in ('only-old', 'differs', 'deleted-by-old')),
  key json not null,
  old_row json,
  new_row json,
  applied_at timestamptz,
  primary key (rejoin_id, number)
);
comment on table rserv.rejoin_row is
  'Rows that a former master had changed and the new one never saw, before they were overwritten there.';
comment on column rserv.rejoin_row.kind is
  'only-old: only the former master had a row of that key; differs: both had one; deleted-by-old: it had deleted it.';
comment on column rserv.rejoin_row.old_row is 'The former master''s; json_populate_record makes a row of it again.';
comment on column rserv.rejoin_row.new_row is 'The new master''s, at that moment.';
comment on column rserv.rejoin_row.applied_at is 'When the former master''s version was put into the table, by rserv reapply.';
comment on column rserv.given.sync_id is 'As in rserv.sync.';
comment on column rserv.given.position is 'As in rserv.sync.';
comment on column rserv.given.token is 'As in rserv.sync.';
comment on column rserv.handover.singleton is 'One row at most.';
comment on column rserv.handover.new_master is 'node_id of the slave that takes over.';
comment on column rserv.handover.since is 'When writes were refused.';
comment on column rserv.rejoin.rejoin_id is 'Names the report.';
comment on column rserv.rejoin.old_master is 'node_id of the former master.';
comment on column rserv.rejoin.old_database is 'Its database''s name.';
comment on column rserv.rejoin.at is 'When it came back.';
comment on column rserv.rejoin_row.rejoin_id is 'The report.';
comment on column rserv.rejoin_row.number is 'Order of the report.';
comment on column rserv.rejoin_row.schema_name is 'Of the table.';
comment on column rserv.rejoin_row.table_name is 'Of the table.';
comment on column rserv.rejoin_row.key is 'Key columns by name.';
