import { RservError } from '../shared/errors.ts'
import { resyncCommand } from '../shared/resync-command.ts'
import type { KnownServer } from './servers.ts'

/**
 * The log is kept for a detached slave no longer, so it can only be copied anew.
 * @param names of the databases, for the hint; slave undefined: not known
 * @throws RservError DETACHED
 */
export function refuseDetached(
  server: Pick<KnownServer, 'name' | 'detached'> | null,
  { master, slave }: { master: string; slave: string | undefined },
): void {
  if (!server?.detached) return
  const { name, detached } = server
  throw new RservError('DETACHED', `slave ${name} was detached from the master at ${detached.at}: ${detached.why}`, {
    side: 'master',
    hint: `Copy its tables again: ${resyncCommand({ master, slave: slave ?? name })}, then replicate. A running rserv run goes on by itself then.`,
  })
}
