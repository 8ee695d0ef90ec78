import { readPosition } from '../apply/slave-position.ts'
import type { SlaveTable } from '../apply/slave-tables.ts'
import { listSlaveTables } from '../apply/slave-tables.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { Finding } from '../check/finding.ts'
import { finding } from '../check/finding.ts'
import { checkLogPrivileges, checkTablePrivileges, checkTemporary } from '../check/privileges.ts'
import { checkNode } from '../check/schema-version.ts'
import { checkRegisteredSequences, checkSequences } from '../check/sequences.ts'
import { checkForeignKeys } from '../check/foreign-keys.ts'
import { checkKnownPosition, checkRegistration } from '../check/slave-position.ts'
import { checkSlaveTriggers } from '../check/slave-triggers.ts'
import { checkTakeoverTable, STANDS_AGAINST_TAKEOVER, withVerdict } from '../check/takeover.ts'
import { checkTarget } from '../check/target-table.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Node } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { displayName, sameName } from '../shared/names.ts'
import { shellWord } from '../shared/resync-command.ts'
import { findSlave } from './register-server.ts'

/** The master as it was found. */
export interface CheckedMaster {
  /** Null where it is none. */
  readonly node: Node | null
  readonly findings: readonly Finding[]
  readonly captured: readonly ReplicatedTable[]
  /** Descriptions of the captured tables that are there, by table id. */
  readonly sources: ReadonlyMap<number, TableDescription>
}

/** Inside a transaction on each side. */
export async function checkSlave(master: Session, slave: Session, checked: CheckedMaster): Promise<Finding[]> {
  const slaveNode = await checkNode(slave, 'slave')
  if ('code' in slaveNode) return [slaveNode]
  const { node, captured } = checked
  if (node?.nodeId === slaveNode.nodeId) {
    const fix = `rserv uninstall ${shellWord(slave.database)} && rserv slave-init ${shellWord(slave.database)}`
    return [
      finding(
        'same-node',
        { session: slave },
        'it has the identity of the master: the same database, or a clone of it',
        fix,
      ),
    ]
  }
  const found = [...(await checkLogPrivileges(slave)), ...(await checkTemporary(slave))]
  if (!node || found.some(({ code }) => code === 'privilege')) return found
  const position = await readPosition(slave, node.nodeId)
  const server = await findSlave(master, slaveNode.nodeId, position)
  const registered = await listSlaveTables(slave)
  const state = { node, server, position, registered, captured }
  found.push(...(await checkKnownPosition(master, slave, state)), ...checkRegistration(master, slave, state))
  found.push(...(await checkRegisteredSequences(master, slave)))
  const kept = slaveNode.keepsLog ? await listReplicated(slave) : null
  for (const table of registered) found.push(...(await checkTable(master, slave, { table, registered, checked, kept })))
  return kept ? withVerdict(slave, found) : found
}

/** What stands against the slave's taking its master's place. Inside a transaction on each side. */
export async function missingForTakeover(master: Session, slave: Session): Promise<Finding[]> {
  const node = await checkNode(master, 'master')
  if ('code' in node) return [node]
  const captured = await listReplicated(master)
  const sources = new Map<number, TableDescription>()
  for (const { tableId, table } of captured) {
    const description = await describeTable(master, table)
    if (description) sources.set(tableId, description)
  }
  const found = await checkSlave(master, slave, { node, findings: [], captured, sources })
  return found.filter(({ code, severity }) => severity === 'problem' || STANDS_AGAINST_TAKEOVER.has(code))
}

interface One {
  readonly table: SlaveTable
  readonly registered: readonly SlaveTable[]
  readonly checked: CheckedMaster
  /** What the slave captures itself; null where it keeps no log. */
  readonly kept: readonly ReplicatedTable[] | null
}

async function checkTable(
  master: Session,
  slave: Session,
  { table, registered, checked, kept }: One,
): Promise<Finding[]> {
  const where = { session: slave, table: table.table }
  const target = await describeTable(slave, table.table)
  if (!target || !['r', 'p'].includes(target.kind)) {
    const words = [slave.database, displayName(table.table), '--schema', '--master', master.database].map(shellWord)
    return [finding('slave-table-missing', where, 'there is no such table', `rserv slave-add-table ${words.join(' ')}`)]
  }
  const found = [
    ...(await checkTablePrivileges(slave, target)),
    ...(await checkSlaveTriggers(slave, target)),
    ...(await checkForeignKeys(slave, target, registered)),
  ]
  const captured = checked.captured.find((candidate) => sameName(candidate.table, table.table))
  const source = captured && checked.sources.get(captured.tableId)
  if (!source) return found
  found.push(...checkTarget(slave, { source, target, keyColumns: captured.keyColumns }))
  if (kept) found.push(...(await checkTakeoverTable(master, slave, { source, target, kept })))
  return [...found, ...(await checkSequences(master, slave, { source, target }))]
}
