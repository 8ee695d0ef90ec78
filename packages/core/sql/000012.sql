-- A slave that follows another node than before: the former one need not keep its log for it any more.

create table rserv.moved_slave (
  node_id uuid not null,
  left_node uuid not null,
  sync_id bigint not null,
  primary key (node_id, left_node)
);
comment on table rserv.moved_slave is
  'Slaves that came to this node from another one, which has not been told yet; it is when one of the two next feeds the other.';
comment on column rserv.moved_slave.node_id is 'uuid of the slave database.';
comment on column rserv.moved_slave.left_node is 'uuid of the node that it followed before.';
comment on column rserv.moved_slave.sync_id is 'The last that it got there: should it have come back since, that node has given it a later one.';
