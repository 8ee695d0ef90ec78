import { requireRole } from '../database/node.ts'
import type { Reign } from '../transfer/lineage.ts'
import { REIGNS } from '../transfer/lineage.ts'
import type { Link } from './link.ts'
import { refuseOlder } from './reigns.ts'

/**
 * Since the connection was made somebody may have been promoted: the slave itself, or another. Inside a transaction on each
 * side.
 * @throws RservError OLD_GENERATION, WRONG_ROLE
 */
export async function refuseReplaced({ master, slave }: Link): Promise<void> {
  const own = await master.json<Reign[]>(`select ${REIGNS}`)
  const { isSlave, known } = await slave.json<{ isSlave: boolean; known: Reign[] }>(
    `select json_build_object('isSlave', is_slave, 'known', ${REIGNS}) from rserv.node`,
  )
  refuseOlder({
    feeding: { database: master.database, reigns: own },
    fed: { database: slave.database, reigns: known },
  })
  if (!isSlave) await requireRole(slave, 'slave')
}
