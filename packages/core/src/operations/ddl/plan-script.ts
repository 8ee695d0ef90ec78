import type { KnownServer } from '../../acknowledge/servers.ts'
import type { SlavePosition } from '../../apply/slave-position.ts'
import type { SlaveTable } from '../../apply/slave-tables.ts'
import { listSlaveTables } from '../../apply/slave-tables.ts'
import type { Session } from '../../database/session.ts'
import { inTransaction } from '../../database/transaction.ts'
import type { PendingScript, ScriptState } from '../../ddl/script.ts'
import { nextScript } from '../../ddl/script.ts'
import { sameName } from '../../shared/names.ts'
import { beginScriptTransfer } from '../../transfer/script-transfer.ts'
import type { Transfer } from '../../transfer/transfer.ts'
import type { Link } from '../link.ts'

/** The slave's own word counts: it may have been restored from before a script. */
const NONE = '0'

/** A script that comes before any other transfer. */
export interface ScriptPlan {
  readonly script: PendingScript
  /** The tables that the slave holds as of its position. */
  readonly held: readonly SlaveTable[]
}

/**
 * Where a slave is with respect to scripts, as it says itself. One that starts anew has no position, but its tables are
 * as they were: what the master knows of it counts.
 */
function scriptState({ position, ran }: SlavePosition, known: KnownServer | null): ScriptState {
  if (position !== null || known === null) return { position, lastScript: NONE, ran }
  return { position: known.position, lastScript: known.lastScript, ran }
}

/** The script that the slave has to run next, or null. In the slave's transaction, and none on the master. */
export async function planScript(
  { master, slave, node }: Pick<Link, 'master' | 'slave' | 'node'>,
  known: KnownServer | null,
  position: SlavePosition,
): Promise<ScriptPlan | null> {
  const script = await inTransaction(master, () => nextScript(master, scriptState(position, known)))
  if (!script) return null
  const tables = await listSlaveTables(slave)
  return { script, held: tables.filter(({ state, origin }) => state === 'synced' && origin === node.nodeId) }
}

/** Has the slave a script to run before anything else? In no transaction on the master. */
export async function awaitsScript(
  master: Session,
  known: KnownServer | null,
  position: SlavePosition,
): Promise<boolean> {
  return (await inTransaction(master, () => nextScript(master, scriptState(position, known)))) !== null
}

interface Way {
  readonly server: KnownServer
  readonly position: SlavePosition
  /** Id of a script that is only to be noted. */
  readonly skip: string | undefined
}

/** Begins the transfer that ends with the script; the master's session is in its transaction then. */
export function beginScript(
  { node, master }: Link,
  { script, held }: ScriptPlan,
  { server, position, skip }: Way,
): Promise<Transfer> {
  return beginScriptTransfer(master, {
    node,
    server: { id: server.id, name: server.name, nodeId: server.nodeId },
    from: position.position,
    script,
    skip: script.id === skip,
    holds: ({ table }) => held.some((one) => sameName(one.table, table)),
  })
}
