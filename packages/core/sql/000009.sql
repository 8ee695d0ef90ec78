-- A note of rates is a transaction of rserv's own: a look at an idle master must know it.

alter table rserv.transfer_rate add column xid xid8;
comment on column rserv.transfer_rate.xid is 'Transaction of the last note: one that changed no replicated row.';
