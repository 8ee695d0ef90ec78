import type { KnownServer } from '../acknowledge/servers.ts'
import type { Session } from '../database/session.ts'
import { waitingScripts } from '../ddl/script.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

/** Slaves that have not run a script of `ddl` yet, as far as the master knows. Inside a transaction. */
export async function checkScripts(session: Session, servers: readonly KnownServer[]): Promise<Finding[]> {
  const found: Finding[] = []
  for (const server of servers) {
    const ids = await waitingScripts(session, server)
    if (ids.length === 0) continue
    const text = `slave ${server.name} waits for script ${ids.join(', ')}: its next transfer runs it`
    const fix = `rserv ddl ${shellWord(session.database)} SLAVE --resume`
    found.push(finding('script-waiting', { session }, text, fix))
  }
  return found
}
