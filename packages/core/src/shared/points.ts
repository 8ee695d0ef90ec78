/**
 * The steps of a transfer, each reported as a debug event when it is done. Tests stop the program, a server or the
 * network at every one of them: a new step needs its name here, and is then tested too.
 */
export const POINTS = [
  'connect.master',
  'connect.slave',
  'apply.locked',
  'copy.held',
  'copy.recorded',
  'copy.durable',
  'copy.marked',
  'copy.committed',
  'changes.confirmed',
  'changes.planned',
  'acknowledge.registered',
  'changes.snapshot',
  'changes.counted',
  'apply.matched',
  'apply.emptied',
  'apply.copied',
  'apply.staged',
  'apply.deleted',
  'apply.reactions-off',
  'apply.replaced',
  'apply.updated',
  'apply.deferred',
  'apply.reactions-on',
  'apply.rows',
  'transfer.recorded',
  'transfer.durable',
  'apply.sequences',
  'apply.position',
  'apply.committed',
  'acknowledge.confirmed',
] as const

/** The steps of `ddl` besides those of its transfers; `apply.script` is one of the transfer that a slave runs it in. */
export const DDL_POINTS = [
  'ddl.slaves-ready',
  'ddl.locked',
  'ddl.kept',
  'ddl.run',
  'ddl.captured',
  'ddl.recorded',
  'ddl.committed',
  'apply.script',
  'ddl.slaves-done',
] as const

/** The steps of a change of roles, reported in the same way. */
export const ROLE_POINTS = [
  'roles.checked',
  'roles.fenced',
  'roles.last-transfer',
  'roles.sequences',
  'roles.promoted',
  'roles.reported',
  'roles.handed-over',
  'roles.adopted',
  'roles.reconciled',
  'roles.unfenced',
] as const

export type Point = (typeof POINTS)[number] | (typeof DDL_POINTS)[number] | (typeof ROLE_POINTS)[number]
