import type { ClientConfig } from 'pg'
import type { BackendResolver } from '../capture/contract.ts'
import { listReplicated } from '../capture/replicated-tables.ts'
import { findNode } from '../database/node.ts'
import { openSession } from '../database/session.ts'
import { inTransaction, withLockRetry } from '../database/transaction.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { removeCapture } from './master-remove-tables.ts'

export interface UninstallOptions extends CommonOptions {
  backends: BackendResolver
}

/**
 * Removes everything that rserv put into a database: first the triggers, table by table, then the schema. The
 * application goes on all the while.
 * @throws RservError NOT_INITIALISED, LOCK_TIMEOUT, BACKEND
 */
export async function uninstall(database: ClientConfig, options: UninstallOptions): Promise<{ removedTables: number }> {
  await using session = await openSession(database, 'master', options)
  const tables = await inTransaction(session, async () => {
    const node = await findNode(session)
    if (node) return listReplicated(session)
    throw new RservError('NOT_INITIALISED', `database ${session.database} has no rserv schema`, {
      hint: 'There is nothing to remove.',
    })
  })
  for (const table of tables) await removeCapture(session, table, await options.backends(table.backend), options)
  await withLockRetry(session, {}, () => session.run('drop schema rserv cascade'))
  return { removedTables: tables.length }
}
