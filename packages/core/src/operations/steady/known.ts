import type { KnownServer } from '../../acknowledge/servers.ts'
import { readPosition } from '../../apply/slave-position.ts'
import { listSlaveTables } from '../../apply/slave-tables.ts'
import { becomeReplica } from '../../apply/replica-role.ts'
import type { TargetTable } from '../../apply/target-table.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { listReplicated } from '../../capture/replicated-tables.ts'
import { checkSource, findSuspects } from '../../changes/check-source.ts'
import { activeTables } from '../../changes/active-tables.ts'
import { contentChange } from '../../changes/content-change.ts'
import type { TableDescription } from '../../database/describe-table.ts'
import type { Session } from '../../database/session.ts'
import { begin, rollback } from '../../database/transaction.ts'
import type { QualifiedName } from '../../shared/names.ts'
import type { Position } from '../../shared/position.ts'
import type { Link } from '../link.ts'
import type { Plan } from '../plan.ts'
import { planForSlave } from '../plan.ts'
import { findSlave } from '../register-server.ts'
import type { KnownSequence } from './known-sequences.ts'
import { knownRegistered } from './known-sequences.ts'

/** What was looked up of a table that changes; true while the versions are the same. */
export interface KnownTable {
  readonly description: TableDescription
  readonly target: TargetTable
  readonly sequences: readonly KnownSequence[]
}

/** What both sides looked like when all of it was looked at; all of it holds while the versions are the same. */
export interface Known {
  readonly server: KnownServer
  readonly plan: Plan
  readonly masterVersion: string
  readonly slaveVersion: string
  /** The master's, rserv.life(). */
  readonly life: string | null
  readonly tables: Map<number, KnownTable>
  /** Tokens of the last scripts that the slave has run. */
  readonly ran: readonly string[]
  /** Sequences of no table. */
  readonly sequences: readonly KnownSequence[]
  /** Ids of the tables that are locked and looked at each time: those that were active once; of few tables all. */
  readonly hot: Set<number>
  /** Log rows that have no index entry yet, by table id. */
  readonly logged: Map<number, number>
  /** The slave's position; moves with each transfer. */
  position: { syncId: string; position: Position }
}

/** None of its tables is one. */
const NO_COPIES = new Map<never, never>()

/** So many are looked at whether they are active or not. */
export const FEW_TABLES = 32

/** SQL of the version of captured tables: one value. */
export function masterVersion(tableIds: readonly number[]): string {
  return `rserv.master_version('{${tableIds.join(',')}}')`
}

interface Apart {
  /** Is the table being copied apart? Then it is none of a transfer's. */
  readonly apart: (table: QualifiedName) => boolean
}

/**
 * Looks at everything that a transfer depends on; null where this slave is not for quick transfers: tables that are
 * to be copied first, a role that may not set session_replication_role, a server whose texts have no encoding.
 */
export async function learn(link: Link, { apart }: Apart): Promise<Known | null> {
  const slave = await learnSlave(link, apart)
  return slave && (await learnMaster(link, slave))
}

interface SlaveFacts extends Pick<Known, 'slaveVersion' | 'position'> {
  readonly tables: Awaited<ReturnType<typeof listSlaveTables>>
  readonly serverName: string | null
  readonly ran: readonly string[]
}

async function learnSlave({ slave, node }: Link, apart: Apart['apart']): Promise<SlaveFacts | null> {
  await begin(slave, { isolation: 'repeatable read' })
  try {
    const tables = (await listSlaveTables(slave)).filter(({ table, parked }) => parked === null && !apart(table))
    const { syncId, position, serverName, ran } = await readPosition(slave, node.nodeId)
    const synced = tables.every(({ state, origin }) => state === 'synced' && origin === node.nodeId)
    if (syncId === null || position === null || !synced || !(await hasEncoding(slave))) return null
    const slaveVersion = await versionOf(slave, 'rserv.slave_version()')
    if (!(await becomeReplica(slave))) return null
    return { tables, serverName, ran, slaveVersion, position: { syncId, position } }
  } finally {
    await rollback(slave)
  }
}

async function learnMaster({ master, slave, node, slaveNode }: Link, found: SlaveFacts): Promise<Known | null> {
  const { tables, position, slaveVersion, ran } = found
  await begin(master, { isolation: 'repeatable read' })
  try {
    const server = await findSlave(master, slaveNode.nodeId, found)
    if (server?.nodeId !== slaveNode.nodeId || !(await hasEncoding(master))) return null
    const names = { nodeId: node.nodeId, master: master.database, slave: slave.database, copies: NO_COPIES }
    const plan = planForSlave(await listReplicated(master), tables, position.position, names)
    for (const table of await findSuspects(master, plan.tables)) {
      if (contentChange(table, await checkSource(master, table)) !== 'none') return null
    }
    const version = await versionOf(master, masterVersion(plan.tables.map(idOf)))
    const hot = plan.tables.length > FEW_TABLES ? await activeTables(master, plan.wanted) : plan.tables.map(idOf)
    const life = (await master.row('select rserv.life() as life'))?.['life'] ?? null
    const sequences = await knownRegistered({ master, slave })
    const facts = { masterVersion: version, slaveVersion, life, position, ran, sequences }
    return { server, plan, ...facts, tables: new Map(), hot: new Set(hot), logged: new Map() }
  } finally {
    await rollback(master)
  }
}

function idOf({ tableId }: ReplicatedTable): number {
  return tableId
}

async function versionOf(session: Session, sql: string): Promise<string> {
  const row = await session.row(`select ${sql} as version`)
  return row?.['version'] ?? ''
}

/** Without one the bytes of a text may be anything, and a text of JavaScript cannot hold them (case 115). */
async function hasEncoding(session: Session): Promise<boolean> {
  const row = await session.row(`select current_setting('server_encoding') <> 'SQL_ASCII' as known`)
  return row?.['known'] === 't'
}
