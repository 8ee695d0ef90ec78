-- Sequences that belong to no column.

create table rserv.replicated_sequence (
  schema_name text not null,
  sequence_name text not null,
  added_at timestamptz not null default pg_catalog.clock_timestamp(),
  primary key (schema_name, sequence_name)
);
comment on table rserv.replicated_sequence is
  'Sequences that slaves keep up with by name; those that columns of captured tables use need no entry.';
