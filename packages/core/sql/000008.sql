-- New tables may be copied apart, each in a short transaction of its own.

alter table rserv.slave_table
  drop constraint slave_table_state_check,
  add constraint slave_table_state_check check (state in ('new', 'assumed', 'copied', 'synced')),
  add column copied_position pg_snapshot,
  add column copied_token uuid,
  add column copied_at timestamptz;
comment on column rserv.slave_table.state is
  'new: is to be copied; copied: holds the rows of copied_position, the next transfer brings it to the slave''s position; '
  'assumed: the user says that the rows are there; synced: as of the position.';
comment on column rserv.slave_table.copied_position is 'Position of the master that a copied table was read at.';
comment on column rserv.slave_table.copied_token is 'The same as in the master''s rserv.copy, which nobody gives out twice.';

create table rserv.copy (
  server_id integer not null references rserv.server on delete cascade,
  table_id integer not null references rserv.replicated_table on delete cascade,
  sync_id bigint not null,
  token uuid not null default pg_catalog.gen_random_uuid(),
  position pg_snapshot not null,
  started_at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (server_id, table_id)
);
comment on table rserv.copy is
  'Copies of single tables that a slave makes or has made and not joined yet: their log is kept from the position on.';
comment on column rserv.copy.sync_id is 'Transfers with a later one may join the copy.';
comment on column rserv.copy.position is 'Where the table is read; while it is being read, a position before that.';
