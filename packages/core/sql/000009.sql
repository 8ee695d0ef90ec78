-- rserv's own transactions, which change no replicated row: a look at an idle master must know them by their ids.

alter table rserv.server add column confirmed_xid xid8, add column noted_xid xid8;
comment on column rserv.server.confirmed_xid is 'Transaction of the last confirmation.';
comment on column rserv.server.noted_xid is 'Transaction that last noted how fast transfers are.';
