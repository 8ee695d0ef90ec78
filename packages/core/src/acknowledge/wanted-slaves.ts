import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'

/** Of an advisory lock on the master: whoever holds it wants the slave for itself. It ends with its transaction, however that ends. */
const WANTED = `pg_catalog.hashtextextended('rserv.wanted ' || %s::text, 0)`

function keyOf(nodeId: string): string {
  return WANTED.replace('%s', nodeId)
}

/**
 * Asks whoever follows the master's slaves, wherever that runs, to let go of them until the end of the transaction: it says
 * so to all who look at the master.
 * @throws RservError BUSY where another change of roles wants one of them
 */
export async function wantSlaves(master: Session): Promise<void> {
  const row = await master.row(
    `select coalesce(bool_and(pg_catalog.pg_try_advisory_xact_lock(${keyOf('node_id')})), true) as free
      from rserv.server where node_id is not null`,
  )
  if (row?.['free'] === 't') return
  throw new RservError('BUSY', 'another change of roles is under way', {
    side: 'master',
    sqlState: '55P03',
    hint: 'Wait until it has ended.',
  })
}

/** Selects the uuids of the slaves that somebody wants for itself, as `node_id`. */
export const WANTED_NOW = `select v.node_id from rserv.server v where exists (select from pg_catalog.pg_locks l
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1
      and l.database = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
      and (l.classid::bigint << 32 | l.objid::bigint) = ${keyOf('v.node_id')})`
