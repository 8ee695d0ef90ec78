import { setTimeout as sleep } from 'node:timers/promises'
import type { TableProgress } from '../../apply/table-progress.ts'
import type { ConfigSource, Session } from '../../database/session.ts'
import { currentConfig, openSession } from '../../database/session.ts'

/** Milliseconds between two looks. */
const EVERY_MS = 1000

const SENT = `select pid, tuples_processed from pg_catalog.pg_stat_progress_copy where pid = any ($1::integer[])`

/**
 * Asks the master's server once a second how many rows it has sent of each table: the rows themselves nobody looks at. Where
 * it does not answer, or a pooler stands between, only the bytes are known until a table is there.
 */
export async function countRows(
  master: ConfigSource,
  running: () => readonly TableProgress[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await sleep(EVERY_MS, undefined, { signal })
    if (running().length === 0) return
    await using session = await openSession(await currentConfig(master), 'master', { signal })
    for (let tables = running(); tables.length > 0; tables = running()) {
      await countOnce(session, tables)
      await sleep(EVERY_MS, undefined, { signal })
    }
  } catch {
    // Nothing depends on it.
  }
}

async function countOnce(session: Session, tables: readonly TableProgress[]): Promise<void> {
  const pids = tables.flatMap(({ backendPid }) => backendPid ?? [])
  const rows = await session.query(SENT, [`{${pids.join(',')}}`])
  for (const table of tables.filter(({ backendPid }) => backendPid !== undefined)) {
    const sent = rows.find((row) => Number(row['pid']) === table.backendPid)
    if (sent) table.sent(Number(sent['tuples_processed']))
    table.tell()
  }
}
