-- A statement of the capture that holds no subquery is locked for with less work, by every statement of the application.

create function rserv.unknown_key_once(id integer) returns boolean language sql stable as $$
  select rserv.unknown_key(id)
$$;
comment on function rserv.unknown_key_once(integer) is
  'As unknown_key. Called stable, so that a statement whose WHERE asks nothing else asks once and not for each row.';
