import type { ClientConfig } from 'pg'
import type { BackendResolver } from '../capture/contract.ts'
import { checkBackend } from '../capture/install.ts'
import { latestVersion, migrate } from '../database/migrate.ts'
import type { Role } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'

export interface InitResult {
  /** uuid of the database as a node. */
  readonly nodeId: string
  readonly database: string
  readonly role: Role
  readonly schemaVersion: number
  /** The version that was there; null for a new schema. */
  readonly previousVersion: number | null
  /** Default trigger backend; null on a database that is only a slave. */
  readonly backend: string | null
}

export interface MasterInitOptions extends CommonOptions {
  /** Default backend for tables of this master; default: what it has, else plpgsql. */
  backend?: string | undefined
  backends: BackendResolver
}

/**
 * Creates or upgrades the rserv schema of a master. Idempotent; concurrent runs wait for each other.
 * @throws RservError CONNECT, PRIVILEGE, STANDBY, SCHEMA_TOO_NEW, BACKEND
 */
export async function masterInit(master: ClientConfig, options: MasterInitOptions): Promise<InitResult> {
  await using session = await openSession(master, 'master', options)
  return await inTransaction(session, async () => {
    const previous = await migrate(session)
    const current = await session.row('select backend from rserv.node')
    const name = options.backend ?? current?.['backend'] ?? 'plpgsql'
    await checkBackend(session, await options.backends(name))
    await session.run(
      'update rserv.node set is_master = true, backend = $1, place = rserv.place(), cluster = coalesce(cluster, node_id)',
      [name],
    )
    await session.run(
      `insert into rserv.reign (cluster, generation, master) select cluster, 1, node_id from rserv.node on conflict do nothing`,
    )
    return describe(session, 'master', previous)
  })
}

/**
 * Creates or upgrades the rserv schema of a slave. Idempotent; a database may be both.
 * @throws RservError CONNECT, PRIVILEGE, STANDBY, SCHEMA_TOO_NEW
 */
export async function slaveInit(slave: ClientConfig, options: CommonOptions = {}): Promise<InitResult> {
  await using session = await openSession(slave, 'slave', options)
  return await inTransaction(session, async () => {
    const previous = await migrate(session)
    await session.run('update rserv.node set is_slave = true')
    return describe(session, 'slave', previous)
  })
}

async function describe(session: Session, role: Role, previousVersion: number | null): Promise<InitResult> {
  const row = await session.row('select node_id, backend from rserv.node')
  return {
    nodeId: row?.['node_id'] ?? '',
    database: session.database,
    role,
    schemaVersion: latestVersion(),
    previousVersion,
    backend: row?.['backend'] ?? null,
  }
}
