import { listSlaveTables } from '../apply/slave-tables.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { sameName } from '../shared/names.ts'
import { includes } from '../shared/position.ts'
import type { CommonState, Sides } from './common-state.ts'

/** A table that both sides have, and how it comes to be the same. */
export interface SharedTable {
  readonly source: ReplicatedTable
  /** The target's own capture; null where it keeps no log of it. */
  readonly target: ReplicatedTable | null
  /** The target takes it already, and nothing but a copy was to be done with it yet. */
  readonly isNew: boolean
  /** The logs do not reach back to the common state: it has to be copied. */
  readonly gap: boolean
}

/** The tables that a target will take from a source, as of a state that both had. Inside a transaction on each side. */
export async function sharedTables(sides: Sides, common: CommonState): Promise<SharedTable[]> {
  const { source, target, targetNode } = sides
  const captured = await listReplicated(source)
  const kept = await listReplicated(target)
  const taken = await takenTables(sides, common)
  return captured.flatMap((table) => {
    const own = kept.find((other) => sameName(other.table, table.table)) ?? null
    const registered = taken.find((other) => sameName(other.table, table.table))
    // A former master takes what it captured itself.
    if (!registered && !(targetNode.isMaster && own)) return []
    const isNew = registered !== undefined && registered.state !== 'synced'
    return [{ source: table, target: own, isNew, gap: isNew || hasGap({ source: table, target: own }, common) }]
  })
}

function hasGap({ source, target }: Pick<SharedTable, 'source' | 'target'>, common: CommonState): boolean {
  if (!includes(common.sourceSince, source.logStart)) return true
  if (common.targetSince === null) return false
  return target === null || !includes(common.targetSince, target.logStart)
}

/** Of a slave: what comes from the source, from a node that the source knows, or from nowhere yet. */
async function takenTables(
  { source, target }: Sides,
  { origin }: CommonState,
): Promise<Awaited<ReturnType<typeof listSlaveTables>>> {
  const row = await target.row('select coalesce(via, origin) as followed from rserv.slave_sync where origin = $1', [
    origin,
  ])
  const known = await source.json<string[]>(
    `select json_agg(id) from (select node_id as id from rserv.node union select origin from rserv.slave_sync
      union select origin from rserv.applied union select node_id from rserv.server union select master from rserv.reign) n`,
  )
  const clusters = await source.json<string[]>(`select coalesce(json_agg(cluster), '[]') from rserv.reign`)
  // A slave that was left behind still names one of them, of which the source need not have heard.
  const former = await target.json<string[]>(
    `select coalesce(json_agg(master), '[]') from (select cluster, master from rserv.former_master
      union select cluster, master from rserv.reign) m where cluster in (select json_array_elements_text($1)::uuid)`,
    [JSON.stringify(clusters)],
  )
  const from = new Set([null, origin, row?.['followed'] ?? null, ...known, ...former])
  return (await listSlaveTables(target)).filter((table) => from.has(table.origin))
}
