import type { Session } from '../database/session.ts'
import { quoteLiteral } from '../shared/names.ts'

/** How fast transfers of one magnitude were. */
export interface Rate {
  /** Digits of the number of rows, less one. */
  readonly magnitude: number
  readonly rows: number
  /** Milliseconds that these rows took. */
  readonly ms: number
}

/** Of a number of rows above zero. */
export function magnitudeOf(rows: number): number {
  return Math.floor(Math.log10(Math.max(1, rows)))
}

/**
 * Seconds that a transfer of so many rows takes, by those that were about as large; a transfer costs time by itself, so
 * that many small ones say little of a large one. Null where nothing was measured.
 */
export function estimateSeconds(rates: readonly Rate[], rows: number): number | null {
  if (rows === 0) return 0
  const rate = rateFor(rates, rows)
  return rate && (rows * rate.ms) / rate.rows / 1000
}

/** The measured rate of the transfers whose size is nearest; of two, that of the larger. */
function rateFor(rates: readonly Rate[], rows: number): Rate | null {
  const wanted = magnitudeOf(rows)
  const distance = ({ magnitude }: Rate): number => Math.abs(magnitude - wanted) - (magnitude > wanted ? 0.5 : 0)
  const [nearest] = rates.filter((rate) => rate.rows > 0).toSorted((a, b) => distance(a) - distance(b))
  return nearest ?? null
}

/** Statement that marks its transaction as one that changes no replicated row. */
export function notedStatement(nodeId: string): string {
  return `update rserv.server set noted_xid = pg_catalog.pg_current_xact_id() where node_id::text = ${quoteLiteral(nodeId)}`
}

/** Statement that adds what was measured to what is known; older measurements count half. */
export function ratesStatement(nodeId: string, rates: readonly Rate[]): string {
  const values = rates.map(({ magnitude, rows, ms }) => `(${magnitude}::smallint, ${rows}::float8, ${ms}::float8)`)
  return `insert into rserv.transfer_rate as r (server_id, magnitude, rows, ms, at)
    select s.server_id, m.magnitude, m.rows, m.ms, pg_catalog.clock_timestamp()
      from rserv.server s, (values ${values.join(', ')}) m (magnitude, rows, ms)
      where s.node_id::text = ${quoteLiteral(nodeId)}
    on conflict (server_id, magnitude) do update
      set rows = r.rows / 2 + excluded.rows, ms = r.ms / 2 + excluded.ms, at = excluded.at`
}

/** Statement that notes where the slave is reached. */
export function addressStatement(nodeId: string, address: string): string {
  const value = quoteLiteral(address)
  return `update rserv.server set address = ${value}
    where node_id::text = ${quoteLiteral(nodeId)} and address is distinct from ${value}`
}

/** By the slave's number on the master. Inside a transaction. */
export async function listRates(session: Session): Promise<Map<number, Rate[]>> {
  const rows = await session.query('select server_id, magnitude, rows, ms from rserv.transfer_rate order by 1, 2')
  const rates = new Map<number, Rate[]>()
  for (const row of rows) {
    const id = Number(row['server_id'])
    const rate = { magnitude: Number(row['magnitude']), rows: Number(row['rows']), ms: Number(row['ms']) }
    rates.set(id, [...(rates.get(id) ?? []), rate])
  }
  return rates
}
