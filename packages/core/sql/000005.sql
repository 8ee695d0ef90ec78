-- What replicators tell of their work, for people and estimates; no transfer relies on it.

alter table rserv.server add column address text;
comment on column rserv.server.address is
  'Where a replicator last reached the slave, as it names it: database at host:port. Tells which slave an unreachable one is.';

create table rserv.last_error (
  peer text primary key,
  node_id uuid,
  address text not null,
  code text not null,
  message text not null,
  hint text,
  at timestamptz not null,
  since timestamptz not null,
  attempts integer not null,
  over_at timestamptz
);
comment on table rserv.last_error is
  'The last error of each pair: on the master, where it could be reached, else on the slave. Written outside of transfers.';
comment on column rserv.last_error.peer is 'The other side: node_id where it is known, else address.';
comment on column rserv.last_error.since is 'The first of the attempts that failed in a row; attempts counts them.';
comment on column rserv.last_error.over_at is 'When it worked again; null: it did not yet.';

create table rserv.transfer_rate (
  server_id integer not null references rserv.server on delete cascade,
  magnitude smallint not null,
  rows double precision not null,
  ms double precision not null,
  at timestamptz not null,
  primary key (server_id, magnitude)
);
comment on table rserv.transfer_rate is
  'How fast the last transfers to a slave were, by their size: rows / ms. Older ones count half with each note.';
comment on column rserv.transfer_rate.magnitude is 'Digits of the number of rows, less one: 3 is 1000 to 9999.';
