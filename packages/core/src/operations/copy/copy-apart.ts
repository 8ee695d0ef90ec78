import type { TableResult } from '../../apply/results.ts'
import { lockSlave } from '../../apply/slave-position.ts'
import { begin, rollback } from '../../database/transaction.ts'
import { RservError } from '../../shared/errors.ts'
import type { Link } from '../link.ts'
import type { ApartOptions } from './choose-apart.ts'
import { chooseApart } from './choose-apart.ts'
import type { CopyPool } from './copy-pool.ts'

/**
 * Copies the tables that are to be copied apart, while nobody else moves the slave. Those that are done by then stay copied
 * when one fails, or all are cut. The pool may still make statistics afterwards.
 * @returns null: there are none
 * @throws RservError BUSY, CANCELLED, and what a copy fails for
 */
export async function copyApart(link: Link, pool: CopyPool, options: ApartOptions): Promise<TableResult[] | null> {
  const jobs = await chooseApart(link, () => false, options)
  if (jobs.length === 0) return null
  // Connections that do nothing, for hours perhaps, are left alone in a transaction; without a snapshot it holds nothing up.
  await begin(link.master)
  await begin(link.slave)
  try {
    await lockSlave(link.slave, link.node.nodeId)
    pool.add(jobs, link.node.nodeId)
    await pool.copied()
  } finally {
    await rollback(link.slave)
    await rollback(link.master)
  }
  const [failure] = pool.takeFailures()
  if (failure === undefined) return pool.takeResults()
  if (!options.signal?.aborted) throw failure
  throw new RservError(
    'CANCELLED',
    'cancelled; tables that were copied stay, and the next run goes on with the others',
    {
      cause: failure,
    },
  )
}
