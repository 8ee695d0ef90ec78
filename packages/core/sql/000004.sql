-- Scripts that `rserv ddl` runs on the master and on every slave, each at one point between the transfers.

create table rserv.ddl (
  ddl_id bigint primary key,
  script text not null,
  checksum text not null,
  search_path text not null,
  position pg_snapshot not null,
  xid xid8 not null,
  kept_since pg_snapshot,
  tables jsonb not null,
  effects jsonb not null,
  run_by text not null default session_user,
  run_at timestamptz not null default pg_catalog.clock_timestamp()
);
comment on table rserv.ddl is 'Scripts that were run on this master, in their order. No transfer takes a slave past one that it has not run.';
comment on column rserv.ddl.checksum is 'SHA-256 of the script in UTF-8, hexadecimal.';
comment on column rserv.ddl.position is
  'The point just before the script: a slave is brought there, and runs the script in the same transaction.';
comment on column rserv.ddl.xid is 'The transaction that ran it; a position that sees it is beyond the script.';
comment on column rserv.ddl.kept_since is
  'Slaves at or after it can be brought to the point from the tables kept_<ddl_id>_<table_id>; null: these are gone.';
comment on column rserv.ddl.tables is 'The captured tables as they were at the point, and which of their rows were kept.';
comment on column rserv.ddl.effects is 'What the script did to captured tables: names, keys, rows.';

create table rserv.slave_ddl (
  origin uuid not null,
  ddl_id bigint not null,
  checksum text not null,
  position pg_snapshot not null,
  skipped boolean not null,
  run_by text not null default session_user,
  run_at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (origin, ddl_id)
);
comment on table rserv.slave_ddl is 'Scripts of a master that this slave has run, each noted in the transaction that ran it.';
comment on column rserv.slave_ddl.position is 'Where the slave was.';
comment on column rserv.slave_ddl.skipped is 'Not run: its changes were said to be there already.';

alter table rserv.server add column ddl_id bigint not null default 0;
comment on column rserv.server.ddl_id is 'The last script that the slave is known to have run.';
alter table rserv.sync add column ddl_id bigint;
comment on column rserv.sync.ddl_id is 'The script that this transfer ends with.';

create function rserv.run_script(script text) returns void language plpgsql as $$
begin
  execute script;
end $$;
comment on function rserv.run_script(text) is
  'Runs the statements of a script inside of the transaction: it cannot end that, and what needs none of its own is refused.';
