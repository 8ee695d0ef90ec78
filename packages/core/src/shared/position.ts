/**
 * Positions: a `pg_snapshot` as text, `xmin:xmax:xip,xip,…`. A transaction id is visible in it when it is below xmax
 * and not in the list. Ids are xid8 and so bigint here, never number.
 */
interface Snapshot {
  readonly xmin: bigint
  readonly xmax: bigint
  /** Transactions in progress, ascending. */
  readonly running: ReadonlySet<bigint>
}

/** A pg_snapshot in its text form. */
export type Position = string

function parse(position: Position): Snapshot {
  const [xmin, xmax, list] = position.split(':')
  if (!xmin || !xmax) throw new TypeError(`not a position: ${position}`)
  const running = list ? list.split(',').map(BigInt) : []
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running: new Set(running) }
}

function format(xmax: bigint, invisible: Iterable<bigint>): Position {
  const running = [...new Set(invisible)].filter((xid) => xid < xmax).toSorted((a, b) => (a < b ? -1 : 1))
  return `${running[0] ?? xmax}:${xmax}:${running.join(',')}`
}

function sees(snapshot: Snapshot, xid: bigint): boolean {
  return xid < snapshot.xmax && !snapshot.running.has(xid)
}

/** The transaction id below which everything is visible, as decimal text. */
export function xminOf(position: Position): string {
  return parse(position).xmin.toString()
}

/** The first transaction id that the position has not seen begin, as decimal text. */
export function xmaxOf(position: Position): string {
  return parse(position).xmax.toString()
}

/** Has `later` seen everything that `earlier` has seen? */
export function includes(later: Position, earlier: Position): boolean {
  const b = parse(later)
  const a = parse(earlier)
  for (const xid of b.running) if (sees(a, xid)) return false
  // Ids from b.xmax on are invisible in b: every one that a's range covers must be running in a.
  for (let xid = b.xmax; xid < a.xmax; xid++) if (sees(a, xid)) return false
  return true
}

/** The position that has seen exactly what both have seen. */
export function meet(a: Position, b: Position): Position {
  const x = parse(a)
  const y = parse(b)
  return format(x.xmax < y.xmax ? x.xmax : y.xmax, [...x.running, ...y.running])
}

/** The position that has seen exactly what at least one of them has seen. */
export function join(a: Position, b: Position): Position {
  const x = parse(a)
  const y = parse(b)
  const unseen = [...x.running, ...y.running].filter((xid) => !sees(x, xid) && !sees(y, xid))
  return format(x.xmax > y.xmax ? x.xmax : y.xmax, unseen)
}
