import type { Backlog, SlaveBacklog } from '@rserv/core'

/** A slave that holds less of the log than this is not what makes it long. */
const WORTH_DETACHING = 0.1

function compare(a: number, b: number): number {
  return a > b ? 1 : a < b ? -1 : 0
}

function held({ rows }: SlaveBacklog): number {
  return rows ?? Infinity
}

/**
 * The slave that holds most of the log: one that has never synced holds all of it; of several that hold as much the one
 * whose position is older.
 * @param detached names of those for which the log is not kept
 * @returns null where nobody holds a part of it that is worth anything
 */
export function slowest(backlog: Backlog, detached: ReadonlySet<string>): SlaveBacklog | null {
  const [most] = backlog.slaves
    .filter(({ server }) => !detached.has(server))
    .toSorted((a, b) => compare(held(b), held(a)) || compare(b.positionAge ?? 0, a.positionAge ?? 0))
  return most && held(most) >= Math.max(1, backlog.logRows * WORTH_DETACHING) ? most : null
}
