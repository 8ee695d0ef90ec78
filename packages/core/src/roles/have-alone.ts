import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'
import { wantSlaves } from '../acknowledge/wanted-slaves.ts'
import { lockSlave } from '../apply/slave-position.ts'
import { openSession } from '../database/session.ts'
import { begin, inTransaction } from '../database/transaction.ts'
import type { Link } from '../operations/link.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { shellWord } from '../shared/resync-command.ts'

/** Milliseconds that whoever follows the slave has to let go: `rserv run` looks once a second, and ends the transfer in hand. */
const LET_GO_MS = 30_000
/** Milliseconds between two attempts. */
const ATTEMPT_MS = 100

export interface HaveAloneOptions extends CommonOptions {
  /** Milliseconds that whoever follows the slave has to let go of it; default 30000. */
  letGoMs?: number | undefined
}

/**
 * Has a slave to itself until it is disposed of: a running `rserv run` lets go of it, and of the master's other slaves, after
 * the transfer in hand, and comes back afterwards, also where this process dies.
 * @throws RservError BUSY where somebody does not let go
 */
export async function haveAlone(
  master: ClientConfig,
  { slave, node }: Link,
  options: HaveAloneOptions,
): Promise<AsyncDisposable> {
  // A session of its own, whose transaction says so as long as it is open.
  const asking = await openSession(master, 'master', options)
  try {
    await begin(asking)
    await wantSlaves(asking)
    const until = performance.now() + (options.letGoMs ?? LET_GO_MS)
    while (!(await isFree(slave, node.nodeId, performance.now() >= until && asking.database))) {
      await sleep(ATTEMPT_MS, undefined, { signal: options.signal })
    }
    return asking
  } catch (error) {
    await asking[Symbol.asyncDispose]()
    throw error
  }
}

/** @param last name of the master where it is the last attempt, which fails */
async function isFree(slave: Link['slave'], origin: string, last: string | false): Promise<boolean> {
  try {
    await inTransaction(slave, () => lockSlave(slave, origin))
    return true
  } catch (error) {
    if (!(error instanceof RservError) || error.code !== 'BUSY') throw error
    if (last === false) return false
    throw new RservError('BUSY', error.message, {
      side: 'slave',
      sqlState: '55P03',
      cause: error,
      hint:
        `It was asked to let go of the slave and did not; nothing was changed. End it, or, if it is rserv run, let it rest: ` +
        `rserv pause ${shellWord(last)}, then try again, then rserv resume ${shellWord(last)}.`,
    })
  }
}
