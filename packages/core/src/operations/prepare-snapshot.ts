import type { ClientConfig } from 'pg'
import { refuseDetached } from '../acknowledge/refuse-detached.ts'
import type { KnownServer } from '../acknowledge/servers.ts'
import { findServer, listServers } from '../acknowledge/servers.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { activeTables } from '../changes/active-tables.ts'
import { anythingChanged } from '../changes/changed-tables.ts'
import { checkSource, findSuspects } from '../changes/check-source.ts'
import type { Node } from '../database/node.ts'
import { requireSource } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { summarizeChanged } from '../log/summarize.ts'
import { openSession } from '../database/session.ts'
import { inTransaction, rollback } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { displayName } from '../shared/names.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { WrittenTable } from '../transfer/file/write-file.ts'
import { writeTransfer } from '../transfer/file/write-file.ts'
import type { PendingScript } from '../ddl/script.ts'
import { nextScript } from '../ddl/script.ts'
import { beginScriptTransfer } from '../transfer/script-transfer.ts'
import { beginLiveTransfer } from '../transfer/live-transfer.ts'
import type { DuePlan } from './plan.ts'
import { refuseGap } from './plan.ts'
import { refreshTable } from './refresh-table.ts'
import type { SlaveIdentity } from './register-server.ts'
import { registerByName, registerSlave } from './register-server.ts'
import { selectRegistered } from './select-registered.ts'

export interface PrepareSnapshotOptions extends CommonOptions {
  /** The slave's name on the master; a new one is registered. Default: the only slave, or `slave` where there is none. */
  server?: string | undefined
  /** The slave itself, where it can be seen: registered as `replicate` does; it gets what it holds and `copy`. */
  slave?: SlaveIdentity | undefined
  /** Tables (names and patterns) to send whole, e.g. because the slave registered them anew. */
  copy?: string[] | undefined
}

export interface PrepareSnapshotResult {
  readonly outcome: 'written' | 'in-sync'
  /** Sync id that the file brings its slave to, decimal text; when in sync, the confirmed one. */
  readonly syncId: string | null
  readonly server: string
  readonly tables: readonly WrittenTable[]
  /** Id of the script of `ddl` that the file ends with; what comes after it is for the next file. */
  readonly script: string | null
}

/**
 * Writes the transfer for a slave as a self-contained file: all since the last position that it confirmed, or
 * everything for a new one. When in sync nothing is written.
 * @throws RservError
 */
export async function prepareSnapshot(
  master: ClientConfig,
  output: NodeJS.WritableStream,
  options: PrepareSnapshotOptions = {},
): Promise<PrepareSnapshotResult> {
  await using session = await openSession(master, 'master', options)
  const node = await inTransaction(session, () => requireSource(session))
  const server = await chooseServer(session, options)
  refuseDetached(server, { master: session.database, slave: undefined })
  const script = await inTransaction(session, () => nextScript(session, server))
  const plan = script ? { script } : await inTransaction(session, () => planFile(session, server, options))
  if (!plan) return { outcome: 'in-sync', syncId: server.syncId, server: server.name, tables: [], script: null }
  try {
    return await write(session, { node, server, plan }, output)
  } catch (error) {
    await rollback(session)
    throw error
  }
}

async function write(
  session: Session,
  { node, server, plan }: { node: Node; server: KnownServer; plan: DuePlan | { script: PendingScript } },
  output: NodeJS.WritableStream,
): Promise<PrepareSnapshotResult> {
  const { id, name, nodeId, position, lastScript, tableIds } = server
  const request = { node, server: { id, name, nodeId }, from: position }
  const holds = ({ tableId }: { tableId: number }): boolean => tableIds.includes(tableId)
  const transfer =
    'script' in plan
      ? await beginScriptTransfer(session, { ...request, script: plan.script, skip: false, holds })
      : await beginLiveTransfer(session, { ...request, scripts: { lastScript }, ...plan })
  const tables = await writeTransfer(transfer, output)
  await summarizeChanged(session, transfer.header.tables)
  const script = transfer.header.script?.id ?? null
  return { outcome: 'written', syncId: transfer.header.syncId, server: name, tables, script }
}

async function chooseServer(session: Session, options: PrepareSnapshotOptions): Promise<KnownServer> {
  const { server: wanted, slave } = options
  if (slave) {
    const known = await inTransaction(session, () => findServer(session, { nodeId: slave.nodeId }))
    return registerSlave(session, slave, { known, wanted })
  }
  if (wanted !== undefined) return registerByName(session, wanted)
  const servers = await inTransaction(session, () => listServers(session))
  const [only] = servers
  if (servers.length > 1) {
    throw new RservError('BAD_ARGUMENT', 'the master has several slaves: say for which one the snapshot is', {
      side: 'master',
      hint: `--server ${servers.map((server) => server.name).join(' | ')}`,
    })
  }
  return only ?? registerByName(session, 'slave')
}

/** Null when the slave has confirmed all there is. */
async function planFile(
  session: Session,
  server: KnownServer,
  options: PrepareSnapshotOptions,
): Promise<DuePlan | null> {
  const captured = await listReplicated(session)
  const copies = new Set(options.copy?.length ? selectRegistered(captured, { tables: options.copy }, { session }) : [])
  // A slave seen alive says itself what it takes; one known by files only gets every table.
  const tables = captured.filter(
    (table) => server.nodeId === null || copies.has(table) || server.tableIds.includes(table.tableId),
  )
  for (const table of await findSuspects(session, tables)) {
    await refreshTable(session, table, await checkSource(session, table))
  }
  const wanted = tables.map((table) => wantedInFile(table, server, copies.has(table)))
  const guess = await activeTables(session, wanted)
  return tables.length > 0 && (await anythingChanged(session, wanted, guess))
    ? { tables, wanted, joins: false, guess, refreshed: true }
    : null
}

function wantedInFile(table: ReplicatedTable, server: KnownServer, copy: boolean): DuePlan['wanted'][number] {
  const { tableId } = table
  const { position } = server
  if (copy || position === null || !server.tableIds.includes(tableId)) return { tableId, copy: true, since: null }
  const again = `Send it whole: rserv prepare-snapshot … --server ${shellWord(server.name)} --copy ${shellWord(displayName(table.table))}`
  refuseGap(table, position, again)
  return { tableId, copy: false, since: position }
}
