import type { ClientConfig } from 'pg'
import { lockPosition } from '../apply/slave-position.ts'
import { markNew } from '../apply/slave-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction, rollback } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'
import type { Differences } from '../verify/differences.ts'
import { feedLog, fitsLog } from '../verify/differences.ts'
import type { Found } from './compare-tables.ts'
import { compareTables } from './compare-tables.ts'
import type { Link } from './link.ts'
import { connect } from './link.ts'
import type { TransferResult } from './replicate.ts'
import { replicate } from './replicate.ts'

export interface VerifyOptions extends CommonOptions {
  /** Names and patterns as typed; default all tables that the slave takes from this master. */
  tables?: string[] | undefined
  /** Bring the differing keys to the slave again. */
  repair?: boolean | undefined
  /** Differing keys to name, a table; default 100. All are counted, and repaired. */
  limit?: number | undefined
}

/**
 * - `equal`: every row that was compared is the same;
 * - `different`: some are not;
 * - `copied-next`: nothing was compared, because the next transfer copies the table whole;
 * - `not-verifiable`: it could not be compared; `error` says why.
 */
export type VerifyOutcome = 'equal' | 'different' | 'copied-next' | 'not-verifiable'

export interface VerifiedTable extends Differences {
  readonly table: QualifiedName
  readonly outcome: VerifyOutcome
  /** Rows of the master that were compared. */
  readonly rows: number
  /** Keys left out: they changed since the slave's position, and the next transfer brings them whatever it has. */
  readonly pending: number
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | undefined } | null
  /** Were its differing keys handed to a transfer? */
  readonly repaired: boolean
}

export interface VerifyResult {
  readonly master: string
  readonly slave: string
  /** Sync id that the slave was at, decimal text: the moment that is compared. */
  readonly syncId: string | null
  readonly tables: readonly VerifiedTable[]
  /** The transfer that brought the differing keys; null where none was needed or a replicator was at work. */
  readonly transfer: TransferResult | null
}

/**
 * Compares the rows of a slave with those that its position says it has, without stopping anybody: each side is read
 * in one snapshot; keys that the log says changed since are left out. Memory does not grow with the tables.
 * @throws RservError CONNECT, NOT_INITIALISED, WRONG_ROLE, SAME_NODE, NOT_REPLICATED, POSITION_UNKNOWN, LOCK_TIMEOUT,
 *   CANCELLED; and what `replicate` throws, with `repair`
 */
export async function verify(
  master: ClientConfig,
  slave: ClientConfig,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  try {
    await using masterSession = await openSession(master, 'master', options)
    await using slaveSession = await openSession(slave, 'slave', options)
    const link = await connect(masterSession, slaveSession)
    const { syncId, tables } = await compareTables(link, options)
    const names = { master: masterSession.database, slave: slaveSession.database }
    const different = tables.filter(({ result }) => result.outcome === 'different')
    const results = tables.map(({ result }) => result)
    if (!options.repair || different.length === 0) return { ...names, syncId, tables: results, transfer: null }
    await feed(link, different)
    const repaired = results.map((table) => ({ ...table, repaired: table.outcome === 'different' }))
    return { ...names, syncId, tables: repaired, transfer: await bring(master, slave, options) }
  } catch (error) {
    if (!options.signal?.aborted) throw error
    throw new RservError('CANCELLED', 'cancelled; nothing was repaired', { cause: error })
  }
}

/** Hands the keys to the log; a table some of whose keys the log cannot hold is marked to be copied. */
async function feed({ master, slave, node }: Link, different: readonly Found[]): Promise<void> {
  await rollback(master)
  const unfit: QualifiedName[] = []
  await inTransaction(master, async () => {
    const captured = await listReplicated(master)
    for (const { compared, result } of different) {
      if (!compared) continue
      const current = captured.find((table) => table.tableId === compared.table.tableId)
      if (!current) throw removed(master, result.table)
      if (fitsLog(compared, result)) await feedLog(master, slave, compared, current)
      else unfit.push(result.table)
    }
  })
  await rollback(slave)
  if (unfit.length === 0) return
  await inTransaction(slave, async () => {
    await lockPosition(slave, node.nodeId)
    for (const table of unfit) await markNew(slave, table)
  })
}

function removed(master: Session, table: QualifiedName): RservError {
  return new RservError('CAPTURE_BROKEN', `the capture of ${displayName(table)} was removed meanwhile`, {
    side: master.side,
    hint: 'Nothing was repaired; run the command again.',
  })
}

/** A replicator that is at work now, or the next one, brings the keys as well. */
async function bring(
  master: ClientConfig,
  slave: ClientConfig,
  options: CommonOptions,
): Promise<TransferResult | null> {
  try {
    return await replicate(master, slave, { signal: options.signal, onEvent: options.onEvent })
  } catch (error) {
    if (!(error instanceof RservError) || error.code !== 'BUSY') throw error
    const message = 'another replicator is at work for this slave: the next transfer brings the differing keys'
    options.onEvent?.({ kind: 'notice', message })
    return null
  }
}
