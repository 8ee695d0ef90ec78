import type { KnownServer } from '../acknowledge/servers.ts'
import { setSequences } from '../apply/set-sequences.ts'
import { inTransaction } from '../database/transaction.ts'
import { readSequences } from '../transfer/sequences.ts'
import type { Link } from './link.ts'

/**
 * Ends the slave's transaction, in which it has the right to move its position and nothing else was done. Its sequences
 * are moved forward before: values may be handed out on the master without any row being written.
 * @param server null: the slave holds nothing yet
 */
export async function keepSequences(
  { master, slave }: Pick<Link, 'master' | 'slave'>,
  server: KnownServer | null,
): Promise<void> {
  if (server) {
    const { tableIds } = server
    const values = await inTransaction(master, () => readSequences(master, { tableIds, exact: new Set() }))
    await setSequences(slave, values)
  }
  await slave.run('commit')
}
