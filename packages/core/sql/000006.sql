-- After a master was restored to an earlier time its scripts get the same numbers again; tokens are given once.

alter table rserv.ddl add column token uuid not null default pg_catalog.gen_random_uuid();
comment on column rserv.ddl.token is 'Names this run of the script, and no other of any master.';

alter table rserv.slave_ddl add column token uuid not null default pg_catalog.gen_random_uuid(),
  drop constraint slave_ddl_pkey, add primary key (token);
comment on column rserv.slave_ddl.token is 'By it a script is known to have been run; ddl_id may come again.';
