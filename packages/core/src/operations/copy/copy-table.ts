import type { ClientConfig } from 'pg'
import type { HeldCopy } from '../../acknowledge/copies.ts'
import { holdCopy, recordCopy } from '../../acknowledge/copies.ts'
import { applyRows } from '../../apply/apply-rows.ts'
import type { TableResult } from '../../apply/results.ts'
import { setSequences } from '../../apply/set-sequences.ts'
import { lockCopy } from '../../apply/slave-position.ts'
import type { SlaveTable } from '../../apply/slave-tables.ts'
import { findSlaveTable, markCopied } from '../../apply/slave-tables.ts'
import type { TableProgress } from '../../apply/table-progress.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { listReplicated } from '../../capture/replicated-tables.ts'
import { checkSource, findSuspects } from '../../changes/check-source.ts'
import type { Session } from '../../database/session.ts'
import { begin, inTransaction, rollback } from '../../database/transaction.ts'
import { RservError } from '../../shared/errors.ts'
import type { Flow } from '../../shared/flow.ts'
import { displayName } from '../../shared/names.ts'
import { openRows } from '../../transfer/rows-of-table.ts'
import { commitKnowingly } from '../commit-transfer.ts'
import { refreshTable } from '../refresh-table.ts'
import type { CopyJob } from './choose-apart.ts'

/** Connections of one who copies, of nobody else. */
export interface CopySides {
  readonly master: Session
  readonly slave: Session
  readonly slaveConfig: ClientConfig
  /** uuid of the master. */
  readonly origin: string
  /** Holds rows back. */
  readonly flow?: Flow | undefined
}

/** Attempts between which DDL comes, or somebody registers the table anew. */
const ATTEMPTS = 5

/**
 * Copies one table in a transaction pair of its own: as of one snapshot, with the record of which one. The next transfer
 * brings it from there to the slave's position, with all other tables.
 * @returns null where the slave does not want it copied any more
 * @throws RservError
 */
export async function copyTable(sides: CopySides, job: CopyJob, progress: TableProgress): Promise<TableResult | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      const registered = await inTransaction(sides.slave, () => findSlaveTable(sides.slave, job.table.table))
      if (registered?.state !== 'new') return null
      return await attemptCopy(sides, { ...job, registered }, progress)
    } catch (error) {
      const altered = error instanceof RservError && error.code === 'ALTERED'
      if (!altered || attempt === ATTEMPTS) throw error
    }
  }
}

interface Registered extends CopyJob {
  readonly registered: SlaveTable
}

async function attemptCopy(sides: CopySides, job: Registered, progress: TableProgress): Promise<TableResult> {
  const { master, slave, slaveConfig, origin } = sides
  const { table, held } = await inTransaction(master, () => prepare(sides, job))
  master.reach('copy.held')
  await begin(slave)
  try {
    await lockCopy(slave, origin, table.table)
    const result = await moveRows(sides, { table, held, registered: job.registered }, progress)
    const landed = async (again: Session): Promise<boolean> =>
      (await findSlaveTable(again, table.table))?.copied?.token === held.token
    await commitKnowingly(slave, slaveConfig, landed)
    slave.reach('copy.committed')
    return result
  } catch (error) {
    await rollback(slave)
    await rollback(master)
    throw error
  }
}

interface Prepared {
  readonly table: ReplicatedTable
  readonly held: HeldCopy
}

/** DDL that nobody has noticed yet would send the table whole once more. */
async function prepare({ master, slave }: CopySides, { table, serverId }: CopyJob): Promise<Prepared> {
  const [known] = await listReplicated(master, [table.tableId])
  if (!known) throw vanished(table)
  for (const suspect of await findSuspects(master, [known])) {
    await refreshTable(master, suspect, await checkSource(master, suspect, slave.database))
  }
  return { table: known, held: await holdCopy(master, serverId, known.tableId) }
}

function vanished({ table }: ReplicatedTable): RservError {
  return new RservError('NOT_REPLICATED', `the master does not capture table ${displayName(table)} any more`, {
    side: 'master',
    hint: 'Run master-add-table for it, or slave-remove-table on the slave.',
  })
}

/** The master is durable up to the snapshot before the slave commits. */
async function moveRows(
  { master, slave, origin, flow }: CopySides,
  { table, held, registered }: Prepared & { readonly registered: SlaveTable },
  progress: TableProgress,
): Promise<TableResult> {
  const rows = await openRows(master, table, slave.database)
  progress.begun(rows.backendPid)
  progress.tell()
  const result = await applyRows(slave, rows, { onBytes: (bytes) => progress.arrived(bytes), flow })
  const sequences = await rows.sequences()
  await recordCopy(master, held, rows.position)
  master.reach('copy.recorded')
  await master.run('commit')
  master.reach('copy.durable')
  await setSequences(slave, sequences)
  const copied = { position: rows.position, token: held.token, origin }
  if (!(await markCopied(slave, registered, copied))) throw registeredAnew(table)
  slave.reach('copy.marked')
  return result
}

function registeredAnew({ table }: ReplicatedTable): RservError {
  return new RservError('ALTERED', `${displayName(table)} was registered anew while it was being copied`, {
    side: 'slave',
    hint: 'Run the command again.',
  })
}
