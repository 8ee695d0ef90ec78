import type { Node } from '../database/node.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'

/** A master and a slave, both open. */
export interface Link {
  readonly master: Session
  readonly slave: Session
  readonly node: Node
  readonly slaveNode: Node
}

/** @throws RservError NOT_INITIALISED, WRONG_ROLE, SCHEMA_TOO_NEW, SAME_NODE */
export async function connect(master: Session, slave: Session): Promise<Link> {
  const node = await inTransaction(master, () => requireRole(master, 'master'))
  const slaveNode = await inTransaction(slave, () => requireRole(slave, 'slave'))
  if (node.nodeId === slaveNode.nodeId) {
    throw new RservError('SAME_NODE', 'master and slave are the same database', {
      hint: 'Give two databases. (A clone of the master keeps its identity: run uninstall and slave-init on the clone.)',
    })
  }
  return { master, slave, node, slaveNode }
}
