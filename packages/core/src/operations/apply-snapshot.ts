import type { ClientConfig } from 'pg'
import { analyzeCopied } from '../apply/analyze-copied.ts'
import { applyTransfer } from '../apply/apply-transfer.ts'
import type { TableResult } from '../apply/results.ts'
import type { SlavePosition } from '../apply/slave-position.ts'
import { lockPosition } from '../apply/slave-position.ts'
import { listSlaveTables } from '../apply/slave-tables.ts'
import { requireRole } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { begin, inTransaction, rollback } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { displayName, sameName } from '../shared/names.ts'
import { openFile, readTransfer } from '../transfer/file/open-file.ts'
import type { Transfer, TransferHeader } from '../transfer/transfer.ts'
import { alreadyApplied, refuseWrongFile } from './check-file.ts'
import { commitTransfer } from './commit-transfer.ts'
import { learnReigns, listReigns, refuseOlder } from './reigns.ts'
import type { TransferResult } from './replicate.ts'

/**
 * Applies a snapshot file in one transaction, streaming. A file at or before the slave's sync id changes nothing.
 * @throws RservError BAD_SNAPSHOT, WRONG_SNAPSHOT, BUSY, TABLE_MISMATCH, …
 */
export async function applySnapshot(
  slave: ClientConfig,
  input: NodeJS.ReadableStream,
  options: CommonOptions = {},
): Promise<TransferResult> {
  const started = performance.now()
  const file = openFile(input)
  await using session = await openSession(slave, 'slave', options)
  const node = await inTransaction(session, () => requireRole(session, 'slave'))
  const transfer = await readTransfer(file)
  const { header } = transfer
  await begin(session)
  try {
    const position = await lockPosition(session, header.origin)
    await refuseOld(session, header)
    const base = { server: header.server.name, tables: [], scripts: [], bytes: 0 }
    if (alreadyApplied(header, position)) {
      await rollback(session)
      return { ...base, outcome: 'already-applied', syncId: position.syncId, elapsedMs: elapsed(started) }
    }
    const tables = await apply(session, transfer, { nodeId: node.nodeId, position, options })
    await commitTransfer(session, { config: slave, origin: header.origin, token: header.token })
    await analyzeCopied(session, tables)
    const bytes = tables.reduce((sum, table) => sum + table.bytes, 0)
    const scripts = header.script ? [header.script.id] : []
    return { ...base, outcome: 'applied', syncId: header.syncId, tables, scripts, bytes, elapsedMs: elapsed(started) }
  } catch (error) {
    await rollback(session)
    throw whateverTheFile(error) ? error : ((await transfer.damage()) ?? error)
  }
}

/** Is the rest of the file, which may be long, not worth a look for damage? */
function whateverTheFile(error: unknown): boolean {
  const codes = ['BAD_SNAPSHOT', 'WRONG_SNAPSHOT', 'BUSY', 'LOCK_TIMEOUT', 'CONNECT', 'CANCELLED']
  return error instanceof RservError && codes.includes(error.code)
}

/** The file may come from a master that was replaced meanwhile. */
async function refuseOld(session: Session, { originDatabase, reigns = [] }: TransferHeader): Promise<void> {
  refuseOlder({
    feeding: { database: originDatabase, reigns },
    fed: { database: session.database, reigns: await listReigns(session) },
  })
  await learnReigns(session, reigns)
}

function elapsed(started: number): number {
  return Math.round(performance.now() - started)
}

async function apply(
  session: Session,
  transfer: Transfer,
  slave: { nodeId: string; position: SlavePosition; options: CommonOptions },
): Promise<TableResult[]> {
  const registered = await listSlaveTables(session)
  refuseWrongFile(transfer.header, { nodeId: slave.nodeId, position: slave.position, tables: registered })
  const accepts = (table: { table: { schema: string; name: string } }): boolean => {
    const known = registered.find((other) => sameName(other.table, table.table))
    // Before a script, what is to be copied anyway has to wait for what comes after it.
    if (transfer.header.script && known) return known.state === 'synced'
    const taken = known !== undefined
    if (!taken) {
      const message = `${displayName(table.table)} is in the snapshot but not registered on this slave: left out`
      slave.options.onEvent?.({ kind: 'notice', message })
    }
    return taken
  }
  return applyTransfer(session, transfer, { accepts, onEvent: slave.options.onEvent })
}
