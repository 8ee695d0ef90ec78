import { RservError } from '../shared/errors.ts'
import { shellWord } from '../shared/resync-command.ts'
import { installedVersion, latestVersion, refuseNewer } from './migrate.ts'
import type { Session } from './session.ts'

export type Role = 'master' | 'slave'

/** This database as a replication node. */
export interface Node {
  /** uuid */
  readonly nodeId: string
  readonly isMaster: boolean
  readonly isSlave: boolean
  /** A slave that logs what it applies. */
  readonly keepsLog: boolean
  /** Name of the default trigger backend of a master. */
  readonly backend: string | null
  readonly schemaVersion: number
  /** A master's bookkeeping came here from another database: by a dump, as a template, by pg_upgrade. */
  readonly moved: boolean
}

/** The node row, or null where rserv is not installed. Inside a transaction. */
export async function findNode(session: Session): Promise<Node | null> {
  const version = await installedVersion(session)
  if (version === null) return null
  refuseNewer(version, session)
  const row = await session.row(
    `select node_id, is_master, is_slave, to_json(n) ->> 'keeps_log' as keeps_log, backend,
        (is_master or coalesce((to_json(n) ->> 'keeps_log')::boolean, false)) and place <> rserv.place() as moved
      from rserv.node n`,
  )
  if (!row) return null
  return {
    nodeId: row['node_id'] ?? '',
    isMaster: row['is_master'] === 't',
    isSlave: row['is_slave'] === 't',
    // An older schema has none.
    keepsLog: row['keeps_log'] === 'true',
    backend: row['backend'] ?? null,
    schemaVersion: version,
    moved: row['moved'] === 't',
  }
}

/**
 * The node, which must have the role and the current schema. Inside a transaction.
 * @throws RservError NOT_INITIALISED, WRONG_ROLE, SCHEMA_TOO_NEW, NODE_MOVED, OLD_GENERATION
 */
export function requireRole(session: Session, role: Role): Promise<Node> {
  return require(session, role, (node) => (role === 'master' ? node.isMaster : node.isSlave))
}

/**
 * The node, which must be able to feed slaves: a master, or a slave that keeps a log. Inside a transaction.
 * @throws RservError NOT_INITIALISED, WRONG_ROLE, SCHEMA_TOO_NEW, NODE_MOVED, OLD_GENERATION
 */
export function requireSource(session: Session): Promise<Node> {
  return require(session, 'master', ({ isMaster, keepsLog }) => isMaster || keepsLog)
}

async function require(session: Session, role: Role, fits: (node: Node) => boolean): Promise<Node> {
  const node = await findNode(session)
  const database = session.database
  if (!node) {
    throw new RservError('NOT_INITIALISED', `database ${database} is not set up for rserv`, {
      side: session.side,
      hint: `Run: rserv ${role}-init ${database}`,
    })
  }
  if (!fits(node)) {
    throw new RservError('WRONG_ROLE', `database ${database} is set up, but not as a ${role}`, {
      side: session.side,
      hint:
        (await changedRoles(session, role)) ??
        `Check the order of the databases, or run: rserv ${role}-init ${database}`,
    })
  }
  if (node.schemaVersion < latestVersion()) {
    throw new RservError('NOT_INITIALISED', `the rserv schema in database ${database} is older than this program`, {
      side: session.side,
      hint: `Upgrade it: rserv ${role}-init ${database}`,
    })
  }
  if (role === 'master' && node.moved) throw movedMaster(session)
  if (role === 'master' && node.isMaster) await refuseDeposed(session)
  return node
}

/** What to do about a database that is not what it was, because the roles were changed; null: they were not. */
async function changedRoles(session: Session, role: Role): Promise<string | null> {
  if ((await installedVersion(session)) !== latestVersion()) return null
  const wanted = role === 'slave' ? 'r.master = n.node_id and n.is_master' : 'r.master <> n.node_id and not n.is_master'
  const row = await session.row(
    `select r.generation from rserv.node n join rserv.reign r using (cluster) where r.generation > 1 and ${wanted}`,
  )
  if (!row) return null
  return role === 'slave'
    ? `It became the master with generation ${row['generation']}: name it as the master, here and in the configuration of rserv run.`
    : `It was a master, and is a slave since generation ${row['generation']}: name the new master, here and in the configuration of rserv run.`
}

/** A master that knows that it was replaced. */
async function refuseDeposed(session: Session): Promise<void> {
  const row = await session.row(
    `select r.generation, r.master from rserv.node n join rserv.reign r using (cluster) where r.master <> n.node_id`,
  )
  if (!row) return
  throw new RservError(
    'OLD_GENERATION',
    `${session.database} is no longer the master: node ${row['master']} is, since generation ${row['generation']}`,
    {
      side: 'master',
      hint: `Feed from the new master, and bring this one back as its slave: rserv rejoin ${shellWord(session.database)} NEW_MASTER.`,
    },
  )
}

/** Two masters of one identity would feed one slave by turns (case 170). */
function movedMaster({ database, side }: Session): RservError {
  const name = shellWord(database)
  return new RservError('NODE_MOVED', `database ${database} is a copy of a master that was set up elsewhere`, {
    side,
    hint:
      `If it takes that master's place (after a restore or pg_upgrade), say so: rserv master-init ${name}. ` +
      `If it is one beside it, remove the capture, which logs for nobody: rserv uninstall ${name}`,
  })
}
