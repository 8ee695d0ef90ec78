import type { Node, Role } from '../database/node.ts'
import { findNode } from '../database/node.ts'
import { latestVersion } from '../database/migrate.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

/** The node where it can be looked at further, else what stands against it. Inside a transaction. */
export async function checkNode(session: Session, role: Role): Promise<Node | Finding> {
  const init = `rserv ${role}-init ${shellWord(session.database)}`
  try {
    const node = await findNode(session)
    if (!node || !hasRole(node, role)) {
      return finding('not-initialised', { session }, `the database is not set up as a ${role}`, init)
    }
    if (role === 'master' && node.moved) {
      const text = 'the database is a copy of a master that was set up elsewhere (a restore, a template, pg_upgrade)'
      const name = shellWord(session.database)
      const fix = `In its place: ${init}. Beside it, remove the capture: rserv uninstall ${name}`
      return finding('node-moved', { session }, text, fix)
    }
    if (node.schemaVersion === latestVersion()) return node
    const text = `the rserv schema has version ${node.schemaVersion}, this program needs ${latestVersion()}`
    return finding('schema-old', { session }, text, init)
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    if (error.code === 'PRIVILEGE') return noAccess(session)
    if (error.code !== 'SCHEMA_TOO_NEW') throw error
    return finding('schema-too-new', { session }, error.message, error.hint ?? 'Use the newer rserv that made it.')
  }
}

/** A slave that keeps a log feeds others like a master. */
function hasRole({ isMaster, isSlave, keepsLog }: Node, role: Role): boolean {
  return role === 'slave' ? isSlave : isMaster || keepsLog
}

function noAccess(session: Session): Finding {
  const text = 'the role may not read the bookkeeping in schema rserv'
  return finding('privilege', { session }, text, 'Connect as the role that set rserv up.')
}
