import { matchTarget } from '../../apply/target-table.ts'
import { travellingColumns } from '../../capture/install.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { checkSource } from '../../changes/check-source.ts'
import { listUsedSequences } from '../../transfer/sequences.ts'
import type { Link } from '../link.ts'
import type { KnownTable } from './known.ts'
import { pairSequences } from './known-sequences.ts'

/** Looks a table up on both sides, at its first change. Both sessions are in the transfer's transactions. */
export async function lookUp({ master, slave }: Link, table: ReplicatedTable): Promise<KnownTable> {
  const description = await checkSource(master, table)
  const columns = travellingColumns(description).map(({ name, type }) => ({ name, type }))
  const { tableId, keyColumns } = table
  const transfer = { tableId, table: table.table, mode: 'changes' as const, keyColumns, columns }
  const sequences = await pairSequences(slave, await listUsedSequences(master, [tableId]))
  return { description, target: await matchTarget(slave, transfer), sequences }
}
