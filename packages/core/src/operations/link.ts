import type { Node } from '../database/node.ts'
import { requireRole, requireSource } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import { laterReigns, learnReigns, listReigns, reignsOf } from './reigns.ts'

/** A master and a slave, both open. */
export interface Link {
  readonly master: Session
  readonly slave: Session
  readonly node: Node
  readonly slaveNode: Node
}

/** @throws RservError NOT_INITIALISED, WRONG_ROLE, SCHEMA_TOO_NEW, SAME_NODE, OLD_GENERATION */
export async function connect(master: Session, slave: Session): Promise<Link> {
  const { node, own } = await inTransaction(master, async () => ({
    node: await requireSource(master),
    own: await listReigns(master),
  }))
  const { slaveNode, news } = await inTransaction(slave, async () => {
    // First: a slave that was promoted is none any more, and that is why.
    const later = laterReigns({ database: master.database, reigns: own }, await reignsOf(slave))
    return { slaveNode: await requireRole(slave, 'slave'), news: later }
  })
  if (node.nodeId === slaveNode.nodeId) {
    throw new RservError('SAME_NODE', 'master and slave are the same database', {
      hint: 'Give two databases. (A clone of the master keeps its identity: run uninstall and slave-init on the clone.)',
    })
  }
  if (news.length > 0) await inTransaction(slave, () => learnReigns(slave, news))
  return { master, slave, node, slaveNode }
}
