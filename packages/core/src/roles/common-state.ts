import type { Node } from '../database/node.ts'
import type { Session } from '../database/session.ts'
import type { Position } from '../shared/position.ts'

/** A state that two nodes held, each at a moment of its own. */
export interface CommonState {
  /** uuid of the node whose state it was: one of the two, or a third. */
  readonly origin: string
  /** Of the source: what differs there from that state changed after it. */
  readonly sourceSince: Position
  /** Of the target; null: it keeps no log, and has changed nothing since. */
  readonly targetSince: Position | null
}

/** Two nodes, each in a transaction. */
export interface Sides {
  readonly source: Session
  readonly sourceNode: Node
  readonly target: Session
  readonly targetNode: Node
}

/** So many entries of a history are looked at; those of more than some minutes ago are of use only after long breaks. */
const MOST = 10_000

/**
 * The states that both have on record, the most useful first. What a node holds of another is written beside its own
 * position just after, so either can say which keys changed since (docs/decisions/0031-reconcile.md).
 */
export async function findCommonStates(sides: Sides): Promise<CommonState[]> {
  const found = [await ofSource(sides), await ofTarget(sides), ...(await ofOthers(sides))]
  return found.filter((state) => state !== null)
}

/** An entry of a history, or what the node holds now where it keeps none. */
interface Entry {
  readonly syncId: string
  readonly position: Position
  readonly token: string | null
  readonly life: string | null
  /** Null where no log is kept. */
  readonly own: Position | null
}

function entryJson(own: string): string {
  return `json_build_object('syncId', sync_id::text, 'position', position::text, 'token', token, 'life', life, 'own', ${own})`
}

/** What a node held of an origin, the latest first. A slave without log has only what it follows now. */
async function history(session: Session, { keepsLog }: Pick<Node, 'keepsLog'>, origin: string): Promise<Entry[]> {
  return keepsLog
    ? session.json<Entry[]>(
        `select coalesce(json_agg(e), '[]') from (select ${entryJson('own_position::text')} as e from rserv.applied
          where origin = $1 order by own_xid desc limit ${MOST}) e`,
        [origin],
      )
    : session.json<Entry[]>(
        `select coalesce(json_agg(${entryJson('null')}), '[]') from rserv.slave_sync s where origin = $1 and position is not null
          and exists (select from rserv.slave_table t where t.origin = coalesce(s.via, s.origin))`,
        [origin],
      )
}

/** The first of the entries that the origin itself gave out: after a restore the same ids name other moments. */
async function firstKnown(origin: Session, entries: readonly Entry[]): Promise<Entry | null> {
  const row = await origin.row(
    `select min(e.number) as number from json_array_elements($1) with ordinality as e (entry, number)
      join (select sync_id, position, token from rserv.sync union all select sync_id, position, token from rserv.given) s on s.sync_id = (e.entry ->> 'syncId')::bigint and s.token = (e.entry ->> 'token')::uuid
        and s.position::text = e.entry ->> 'position'`,
    [JSON.stringify(entries)],
  )
  return row?.['number'] == null ? null : (entries[Number(row['number']) - 1] ?? null)
}

/** The target was fed by the source. */
async function ofSource({ source, sourceNode, target, targetNode }: Sides): Promise<CommonState | null> {
  const entry = await firstKnown(source, await history(target, targetNode, sourceNode.nodeId))
  return entry && { origin: sourceNode.nodeId, sourceSince: entry.position, targetSince: entry.own }
}

/** The source was fed by the target. */
async function ofTarget({ source, sourceNode, target, targetNode }: Sides): Promise<CommonState | null> {
  const entry = await firstKnown(target, await history(source, sourceNode, targetNode.nodeId))
  if (entry?.own == null) return null
  return { origin: targetNode.nodeId, sourceSince: entry.own, targetSince: entry.position }
}

/**
 * Both were fed by a third, perhaps gone now. Its positions follow one another, so each side names the last moment at
 * which it held no more than what the other has.
 */
async function ofOthers(sides: Sides): Promise<(CommonState | null)[]> {
  const { source, sourceNode, target, targetNode } = sides
  const origins = await source.query('select distinct origin from rserv.applied where origin <> $1 and origin <> $2', [
    sourceNode.nodeId,
    targetNode.nodeId,
  ])
  const states: (CommonState | null)[] = []
  for (const { origin } of origins) {
    const there = await history(source, sourceNode, origin ?? '')
    const here = await history(target, targetNode, origin ?? '')
    const [latestThere, latestHere] = [there[0], here[0]]
    if (!latestThere || !latestHere) continue
    const sourceEntry = await lastWithin(source, there, latestHere)
    const targetEntry = await lastWithin(target, here, latestThere)
    if (sourceEntry?.own == null || !targetEntry) continue
    states.push({ origin: origin ?? '', sourceSince: sourceEntry.own, targetSince: targetEntry.own })
  }
  return states
}

/** The last entry of the same life of the origin that had seen no more than `limit`. */
async function lastWithin(session: Session, entries: readonly Entry[], limit: Entry): Promise<Entry | null> {
  const sameLife = entries.filter(({ life }) => life === limit.life)
  const row = await session.row(
    `select min(number) as number from json_array_elements_text($1) with ordinality as e (position, number)
      where rserv.includes($2::pg_snapshot, e.position::pg_snapshot)`,
    [JSON.stringify(sameLife.map(({ position }) => position)), limit.position],
  )
  return row?.['number'] == null ? null : (sameLife[Number(row['number']) - 1] ?? null)
}
