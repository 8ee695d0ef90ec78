-- rserv's own transactions, which change no replicated row: a look at an idle master must know them by their ids.

alter table rserv.transfer_rate drop column xid;
alter table rserv.server add column confirmed_xid xid8, add column noted_xid xid8;
comment on column rserv.server.confirmed_xid is 'Transaction of the last confirmation.';
comment on column rserv.server.noted_xid is 'Transaction that last noted how fast transfers are.';

create table rserv.former_master (
  cluster uuid not null,
  master uuid not null,
  primary key (cluster, master)
);
comment on table rserv.former_master is
  'Masters of former generations: a slave that still names one of them as the origin of its tables can follow a later one.';
