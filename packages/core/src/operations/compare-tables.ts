import { checkPosition } from '../acknowledge/check-position.ts'
import type { HeldCopy } from '../acknowledge/copies.ts'
import { listCopies } from '../acknowledge/copies.ts'
import type { SlavePosition } from '../apply/slave-position.ts'
import { readPosition } from '../apply/slave-position.ts'
import type { SlaveTable } from '../apply/slave-tables.ts'
import { listSlaveTables } from '../apply/slave-tables.ts'
import { matchTarget } from '../apply/target-table.ts'
import { travellingColumns } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { changedTables } from '../changes/changed-tables.ts'
import { checkSource } from '../changes/check-source.ts'
import { openRead } from '../changes/read-transaction.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { begin, inTransaction, rollback } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import { displayName, quoteName, sameName } from '../shared/names.ts'
import { compareTable } from '../verify/compare-table.ts'
import type { ComparedTable } from '../verify/compared-table.ts'
import { NO_DIFFERENCES, readDifferences } from '../verify/differences.ts'
import { bucketCount, commonEncoding } from '../verify/fingerprint.ts'
import type { Link } from './link.ts'
import { planForSlave } from './plan.ts'
import { findSlave } from './register-server.ts'
import { selectRegistered } from './select-registered.ts'
import type { VerifiedTable, VerifyOptions } from './verify.ts'

export interface Found {
  readonly result: VerifiedTable
  /** Set where the tables could be compared; its temporary tables last as long as the slave's transaction. */
  readonly compared: ComparedTable | null
}

const LOCK_TIMEOUT_MS = 10_000
const ATTEMPTS = 3
const DEFAULT_LIMIT = 100

/**
 * Compares the chosen tables. Both transactions stay open.
 * @throws RservError
 */
export async function compareTables(
  link: Link,
  options: VerifyOptions,
): Promise<{ syncId: string | null; tables: Found[] }> {
  for (let attempt = 1; ; attempt++) {
    const moment = await openSettled(link, options)
    const found: Found[] = []
    for (const table of moment.tables)
      found.push(await compareOne(link, moment, { table, number: found.length }, options))
    const gap = found.some(({ result }) => result.error?.code === 'LOG_GAP')
    // While the snapshots were taken a transfer may have moved the slave, and the log been cleaned behind it.
    if (!gap || attempt === ATTEMPTS || !(await hasMoved(link, moment))) {
      return { syncId: moment.position.syncId, tables: found }
    }
    await rollback(link.master)
    await rollback(link.slave)
  }
}

/** One snapshot of each side, the slave's first: what it has, the master's has seen. */
interface Moment {
  readonly position: SlavePosition
  readonly tables: readonly SlaveTable[]
  readonly captured: readonly ReplicatedTable[]
  readonly copies: ReadonlyMap<number, HeldCopy>
  readonly encoding: string
}

/** A transfer may move the slave, and the log be cleaned behind it, between the looks at the two. */
async function openSettled(link: Link, options: VerifyOptions): Promise<Moment> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openMoment(link, options)
    } catch (error) {
      const gap = error instanceof RservError && error.code === 'LOG_GAP'
      if (!gap || attempt === ATTEMPTS) throw error
      await rollback(link.master)
      await rollback(link.slave)
    }
  }
}

async function openMoment(link: Link, options: VerifyOptions): Promise<Moment> {
  const { master, slave, node, slaveNode } = link
  const chosen = await inTransaction(slave, () => chooseTables(link, options))
  await openSlave(slave, chosen)
  const position = await readPosition(slave, node.nodeId)
  const states = await listSlaveTables(slave)
  const tables = states.filter(({ table }) => chosen.some((other) => sameName(other.table, table)))
  const captured = await inTransaction(master, () => readable(master, tables))
  await openRead(master, captured)
  const known = await findSlave(master, slaveNode.nodeId, position)
  await checkPosition(master, known, { ...position, database: slave.database })
  const encoding = commonEncoding(await encodingOf(master), await encodingOf(slave))
  const copies = known ? await listCopies(master, known.id) : new Map<number, HeldCopy>()
  return { position, tables, captured: await listReplicated(master), copies, encoding }
}

async function chooseTables({ slave, node }: Link, options: VerifyOptions): Promise<SlaveTable[]> {
  const registered = await listSlaveTables(slave)
  const own = registered.filter(({ origin }) => origin === null || origin === node.nodeId)
  return options.tables?.length ? selectRegistered(own, { tables: options.tables }, { session: slave }) : own
}

/** The tables are locked before the snapshot: a TRUNCATE or a rewrite on the slave would empty them in it. */
async function openSlave(slave: Session, chosen: readonly SlaveTable[]): Promise<void> {
  const names: string[] = []
  await inTransaction(slave, async () => {
    for (const { table } of chosen) {
      const description = await describeTable(slave, table)
      if (description && ['r', 'p'].includes(description.kind)) names.push(quoteName(table))
    }
  })
  await begin(slave, { isolation: 'repeatable read', lockTimeoutMs: LOCK_TIMEOUT_MS })
  if (names.length > 0) await slave.run(`lock table ${names.join(', ')} in access share mode`)
}

/** The captured tables of these that are there at all; what is wrong with the others is told when they are compared. */
async function readable(master: Session, tables: readonly SlaveTable[]): Promise<ReplicatedTable[]> {
  const captured = await listReplicated(master)
  const wanted = captured.filter((candidate) => tables.some(({ table }) => sameName(table, candidate.table)))
  const there: ReplicatedTable[] = []
  for (const table of wanted) if ((await describeTable(master, table.table))?.oid === table.oid) there.push(table)
  return there
}

async function encodingOf(session: Session): Promise<string> {
  const row = await session.row(`select pg_catalog.current_setting('server_encoding') as encoding`)
  return row?.['encoding'] ?? 'UTF8'
}

async function hasMoved({ slave, node }: Link, { position }: Moment): Promise<boolean> {
  await rollback(slave)
  const now = await inTransaction(slave, () => readPosition(slave, node.nodeId))
  return now.syncId !== position.syncId
}

interface Chosen {
  readonly table: SlaveTable
  readonly number: number
}

/** A table that cannot be compared does not keep the others from it. */
async function compareOne(link: Link, moment: Moment, chosen: Chosen, options: VerifyOptions): Promise<Found> {
  const sessions = [link.master, link.slave]
  const { table } = chosen.table
  options.onEvent?.({ kind: 'progress', message: `comparing ${displayName(table)}`, table })
  for (const session of sessions) await session.run('savepoint rserv_verify')
  try {
    return await prepareAndCompare(link, moment, chosen, options)
  } catch (error) {
    if (!(error instanceof RservError) || error.code === 'CONNECT' || sessions.some(({ cutShort }) => cutShort))
      throw error
    for (const session of sessions) await session.run('rollback to savepoint rserv_verify')
    const { code, message, hint } = error
    const result = { ...blank(chosen), outcome: 'not-verifiable' as const, error: { code, message, hint } }
    return { result, compared: null }
  }
}

function blank({ table }: Chosen): Omit<VerifiedTable, 'outcome'> {
  return { table: table.table, rows: 0, pending: 0, ...NO_DIFFERENCES, error: null, repaired: false }
}

async function prepareAndCompare(link: Link, moment: Moment, chosen: Chosen, options: VerifyOptions): Promise<Found> {
  const { master, slave } = link
  const compared = await prepare(link, moment, chosen)
  if (!compared) return { result: { ...blank(chosen), outcome: 'copied-next' }, compared: null }
  const { rows, pending, differs } = await compareTable(master, slave, compared)
  const differences = differs ? await readDifferences(slave, compared, options.limit ?? DEFAULT_LIMIT) : NO_DIFFERENCES
  const { missing, extra, different } = differences
  const outcome = missing + extra + different > 0 ? 'different' : 'equal'
  return { result: { ...blank(chosen), outcome, rows, pending, ...differences }, compared }
}

/** Null where the next transfer copies the table. */
async function prepare({ master, slave, node }: Link, moment: Moment, chosen: Chosen): Promise<ComparedTable | null> {
  const { position, captured, copies, encoding } = moment
  const origin = { nodeId: node.nodeId, master: master.database, slave: slave.database, copies }
  const { tables, wanted } = planForSlave(captured, [chosen.table], position.position, origin)
  const [table] = tables
  const [want] = wanted
  if (!table || !want || want.copy) return null
  const description = await checkSource(master, table, slave.database)
  const oids = description.partitions.map(({ oid }) => oid)
  const samePartitions =
    oids.length === table.partitionOids.length && oids.every((oid) => table.partitionOids.includes(oid))
  const changed = (await changedTables(master, [want])).get(table.tableId)
  if (!samePartitions || changed?.mode === 'copy') return null
  const target = await matchTarget(slave, {
    tableId: table.tableId,
    table: table.table,
    mode: 'changes',
    keyColumns: table.keyColumns,
    columns: travellingColumns(description).map(({ name, type }) => ({ name, type })),
  })
  return {
    number: chosen.number,
    table,
    description,
    target,
    since: want.since,
    pending: changed?.mode === 'changes',
    encoding,
    buckets: bucketCount(description.estimatedRows),
  }
}
