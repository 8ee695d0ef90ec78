import { findTargetSequence } from '../../apply/set-sequences.ts'
import { matchTarget } from '../../apply/target-table.ts'
import { travellingColumns } from '../../capture/install.ts'
import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { checkSource } from '../../changes/check-source.ts'
import { listOwnedSequences } from '../../transfer/sequences.ts'
import type { Link } from '../link.ts'
import type { KnownSequence, KnownTable } from './known.ts'

/** Looks a table up on both sides, at its first change. Both sessions are in the transfer's transactions. */
export async function lookUp({ master, slave }: Link, table: ReplicatedTable): Promise<KnownTable> {
  const description = await checkSource(master, table)
  const columns = travellingColumns(description).map(({ name, type }) => ({ name, type }))
  const owned = await listOwnedSequences(master, [table])
  const { tableId, keyColumns } = table
  const transfer = { tableId, table: table.table, mode: 'changes' as const, keyColumns, columns }
  const sequences: KnownSequence[] = []
  for (const { sequence, table: owner, column } of owned) {
    const target = await findTargetSequence(slave, { table: owner, column })
    if (target) sequences.push({ source: sequence, target, applied: undefined })
  }
  return { description, target: await matchTarget(slave, transfer), sequences }
}
