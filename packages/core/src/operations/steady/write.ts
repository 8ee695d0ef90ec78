import type { ClientConfig } from 'pg'
import type { TableResult } from '../../apply/results.ts'
import {
  lineageStatements,
  lockPositionStatements,
  readPositionStatement,
  writePositionStatement,
} from '../../apply/slave-position.ts'
import { writeFew } from '../../apply/write-few.ts'
import { planFor } from '../../changes/read-rows.ts'
import type { Row } from '../../database/session.ts'
import { beginStatements } from '../../database/transaction.ts'
import { quoteLiteral } from '../../shared/names.ts'
import type { Position } from '../../shared/position.ts'
import type { Held } from '../../transfer/lineage.ts'
import { commitTransfer } from '../commit-transfer.ts'
import type { Link } from '../link.ts'
import { withGenericPlans } from './generic-plans.ts'
import type { Known } from './known.ts'
import type { Moving, MovingSequence, Read } from './read.ts'

/** Begins the slave's transaction and takes the right to move its position; false where it is not as it was known. */
export async function getReady({ slave, node }: Link, known: Known): Promise<boolean> {
  const answers = await slave.batch([
    ...beginStatements(slave),
    ...lockPositionStatements(node.nodeId),
    ...withGenericPlans(known, 'select rserv.slave_version() as version'),
  ])
  slave.reach('apply.locked')
  const facts = Object.assign({}, ...answers.flat()) as Row
  const same = facts['version'] === known.slaveVersion && facts['sync_id'] === known.position.syncId
  return same && facts['free'] === 't'
}

/** Is the slave as it was known? Leaves no trace, not even a transaction id. */
export async function isAsKnown({ slave, node }: Link, known: Known): Promise<boolean> {
  const answers = await slave.batch([
    ...beginStatements(slave),
    readPositionStatement(node.nodeId),
    ...withGenericPlans(known, 'select rserv.slave_version() as version'),
    'commit',
  ])
  const facts = Object.assign({}, ...answers.flat()) as Row
  return facts['version'] === known.slaveVersion && facts['sync_id'] === known.position.syncId
}

/** What the transfer brings the slave to, and how it is reached. */
interface Moment {
  readonly position: Position
  readonly lineage: readonly Held[]
  readonly life: string | null
  readonly serverName: string
  readonly config: ClientConfig
}

/**
 * Writes the rows, sequences and position, and commits.
 * @returns null where something keeps rows out
 */
export async function write(
  { slave, node }: Link,
  { syncId, token, tables, sequences }: Read,
  { position, lineage, life, serverName, config }: Moment,
): Promise<TableResult[] | null> {
  const answers = await slave.batch([
    'set local session_replication_role = replica',
    planFor(true),
    // The tables' own functions run.
    `select pg_catalog.set_config('search_path', ${quoteLiteral(slave.searchPath)}, true)`,
    ...tables.map(({ known: { target }, few }) => writeFew(target, few)),
    'set local search_path = pg_catalog, pg_temp',
    ...sequences.filter(isNew).map(({ statement }) => statement),
    writePositionStatement(node.nodeId, { syncId, position, token, serverName, life }),
    ...lineageStatements(node.nodeId, lineage),
  ])
  const counts = answers.flat().filter((row) => 'written' in row)
  if (counts.some((row) => row['written'] !== row['present'])) return null
  slave.reach('apply.position')
  await commitTransfer(slave, { config, origin: node.nodeId, token })
  for (const { known, statement } of sequences) known.applied = statement
  return tables.map((one, index) => toResult(one, counts[index]))
}

function isNew({ known, statement }: MovingSequence): boolean {
  return known.applied !== statement
}

function toResult({ table, few }: Moving, counts: Row | undefined): TableResult {
  const bytes = few.columns.reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  return {
    table: table.table,
    mode: 'changes',
    written: Number(counts?.['written']),
    deleted: Number(counts?.['gone']),
    bytes,
  }
}
