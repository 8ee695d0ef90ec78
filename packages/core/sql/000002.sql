-- What people, and a process that runs, want of a slave: looked at by whoever follows it, wherever that runs.

alter table rserv.server
  add column paused_at timestamptz,
  add column throttle jsonb,
  add column detached_at timestamptz,
  add column detached_why text;
comment on column rserv.server.paused_at is 'Since when nobody who follows the slave transfers anything; null: they do.';
comment on column rserv.server.throttle is
  'Holds whoever follows the slave back: rowsPerSecond, bytesPerSecond, pauseMs; null: nothing does.';
comment on column rserv.server.detached_at is
  'Since when the log is kept for this slave no longer; null: it is. Ends with a resync of the whole slave.';
