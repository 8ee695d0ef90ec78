import type { SlaveTable } from '../apply/slave-tables.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { shellWord } from '../shared/resync-command.ts'

/** What a node knows of others: is one of them the master now; was one of them a master, or does it feed it or is fed by it? */
const KNOWN = `select json_build_object(
    'head', exists (select from rserv.reign r, rserv.node n where r.master = any ($1) and r.master <> n.node_id),
    'related', exists (select from rserv.former_master where master = any ($1))
      or exists (select from rserv.slave_sync where origin = any ($1))
      or exists (select from rserv.server where node_id = any ($1)))`

/**
 * A slave all of whose tables come from another node of the same cluster takes nothing from this one: that would be called
 * in sync. After a change of roles one of the two names is wrong, or the slave was left behind. Inside a transaction.
 * @param slave the database's name, and the tables that it takes
 * @throws RservError OLD_GENERATION where it follows the master that replaced this one; POSITION_UNKNOWN
 */
export async function refuseOtherMaster(
  master: Session,
  { nodeId }: { nodeId: string },
  slave: { readonly database: string; readonly tables: readonly SlaveTable[] },
): Promise<void> {
  const origins = new Set(slave.tables.map(({ origin }) => origin))
  if (origins.size === 0 || origins.has(null) || origins.has(nodeId)) return
  const known = await master.json<{ head: boolean; related: boolean }>(KNOWN, [`{${[...origins].join(',')}}`])
  const repoint = `rserv repoint ${shellWord(master.database)} ${shellWord(slave.database)}`
  if (known.head) {
    throw new RservError(
      'OLD_GENERATION',
      `slave ${slave.database} follows the master that took the place of ${master.database}`,
      {
        side: 'master',
        hint: `Name that one as its master, here and in the configuration of rserv run. To let it follow ${master.database} nevertheless: ${repoint}`,
      },
    )
  }
  if (!known.related) return
  throw new RservError(
    'POSITION_UNKNOWN',
    `slave ${slave.database} takes its tables from another node than ${master.database}: from a former master, or one between the two`,
    { side: 'master', hint: `Let it follow ${master.database}, without a copy: ${repoint}` },
  )
}
