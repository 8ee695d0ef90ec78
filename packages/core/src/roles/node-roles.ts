import type { Node } from '../database/node.ts'
import { findNode } from '../database/node.ts'
import { latestVersion } from '../database/migrate.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { shellWord } from '../shared/resync-command.ts'

/**
 * The node, whatever it is. Inside a transaction.
 * @throws RservError NOT_INITIALISED, SCHEMA_TOO_NEW
 */
export async function requireAnyRole(session: Session): Promise<Node> {
  const node = await findNode(session)
  if (node && node.schemaVersion === latestVersion() && (node.isMaster || node.isSlave)) return node
  const command = `rserv ${node?.isMaster ? 'master' : 'slave'}-init ${shellWord(session.database)}`
  throw new RservError('NOT_INITIALISED', `database ${session.database} is not set up for this version of rserv`, {
    side: session.side,
    hint: `Run: ${command}`,
  })
}
