import type { KnownServer } from '../acknowledge/servers.ts'
import type { Session } from '../database/session.ts'
import type { LastError, RecordedError } from '../record/last-error.ts'
import { listErrors } from '../record/last-error.ts'
import type { Rate } from '../record/rates.ts'
import { estimateSeconds, listRates } from '../record/rates.ts'

/** What replicators have recorded of a slave. */
export interface ServerRecord {
  /** Where it was last reached: `database at host:port`; null: never by a replicator of this version. */
  readonly address: string | null
  /** The last error, also when it is over; null: none is on record. */
  readonly lastError: LastError | null
  /** Rows that wait, by the tables' statistics where they are copied whole; null where that is not known. */
  readonly rowsToMove: number | null
  /**
   * Seconds that the next transfer takes, and so until the slave has what waits now, by the measured rates of transfers
   * of about that size; 0 when nothing waits, null where nothing was measured.
   */
  readonly etaSeconds: number | null
  /** The measured rate behind that: rows written and deleted a second; null where there is none. */
  readonly rowsPerSecond: number | null
}

/** What a table waits for. */
interface Waiting {
  readonly tableId: number
  /** Distinct keys. */
  readonly keys: number
  readonly copy: boolean
}

/** All that is recorded on a master. */
export interface Records {
  /** @param waiting null: it never synced */
  of(server: KnownServer, waiting: readonly Waiting[] | null): ServerRecord
  /** Errors with slaves that the master does not know, e.g. because they never could be reached. */
  readonly others: readonly RecordedError[]
}

/** Inside a transaction. */
export async function readRecords(session: Session, servers: readonly KnownServer[]): Promise<Records> {
  const errors = await listErrors(session)
  const rates = await listRates(session)
  const addresses = await readAddresses(session)
  const sizes = await readSizes(session)
  const isOf = (error: RecordedError, { id, nodeId }: KnownServer): boolean =>
    error.nodeId === null ? error.address === addresses.get(id) : error.nodeId === nodeId
  return {
    others: errors.filter((error) => !servers.some((server) => isOf(error, server))),
    of(server, waiting) {
      const error = errors.find((one) => isOf(one, server))
      const rows = waiting && rowsToMove(waiting, sizes)
      return {
        address: addresses.get(server.id) ?? null,
        lastError: error ? withoutPeer(error) : null,
        rowsToMove: rows,
        ...estimate(rates.get(server.id) ?? [], rows),
      }
    },
  }
}

function withoutPeer({ nodeId: _nodeId, address: _address, ...error }: RecordedError): LastError {
  return error
}

function estimate(rates: readonly Rate[], rows: number | null): Pick<ServerRecord, 'etaSeconds' | 'rowsPerSecond'> {
  // With nothing to do, the rate of what was done last is still worth telling: of the smallest transfers.
  const some = rows === null || rows === 0 ? 1 : rows
  const seconds = estimateSeconds(rates, some)
  return {
    etaSeconds: rows === null ? null : estimateSeconds(rates, rows),
    rowsPerSecond: seconds ? some / seconds : null,
  }
}

function rowsToMove(waiting: readonly Waiting[], sizes: ReadonlyMap<number, number>): number | null {
  const counts = waiting.map(({ tableId, keys, copy }) => (copy ? sizes.get(tableId) : keys))
  return counts.reduce<number | null>((sum, count) => (sum === null || count === undefined ? null : sum + count), 0)
}

async function readAddresses(session: Session): Promise<Map<number, string>> {
  const rows = await session.query('select server_id, address from rserv.server where address is not null')
  return new Map(rows.map((row) => [Number(row['server_id']), row['address'] ?? '']))
}

/** Rows of the captured tables by their statistics; those without are left out. */
async function readSizes(session: Session): Promise<Map<number, number>> {
  const rows = await session.query(
    `select t.table_id, sum(c.reltuples)::bigint as rows from rserv.replicated_table t
      join pg_catalog.pg_class c on c.oid = any (t.table_oid || t.partition_oids) and c.relkind = 'r'
      group by t.table_id having min(c.reltuples) >= 0`,
  )
  return new Map(rows.map((row) => [Number(row['table_id']), Number(row['rows'])]))
}
