import { setTimeout as sleep } from 'node:timers/promises'
import { RservError } from '@rserv/core'
import type { Service, SlaveState } from '@rserv/service'
import type { DemoHost } from '@rserv/web'
import type { ClientConfig } from 'pg'
import type { Call } from '../command.ts'
import type { FollowedDatabases, Named } from './followed-databases.ts'

/** Milliseconds for which a slave that somebody else works for is tried again. */
const BUSY_MS = 10_000
const AGAIN_MS = 100

interface Around {
  readonly databases: FollowedDatabases
  readonly service: Service
  quit(): void
}

/** What the demonstration's buttons work on: the databases of the command line, and others on their servers. */
export function demoHost(call: Call, { databases, service, quit }: Around): DemoHost {
  const { master, slaves } = databases
  const stateOf = (name: string): SlaveState | undefined =>
    service.state().masters.flatMap((one) => one.slaves.filter((slave) => slave.name === name))[0]
  return {
    masters: [master.name],
    slaves: slaves.map(({ name }) => name),
    backends: call.backends,
    database: (side, name) => databaseCalled(name, side === 'master' ? [master] : slaves),
    async alone(slave, work) {
      const followed = stateOf(slave)
      const pauses = followed !== undefined && followed.phase !== 'paused'
      if (pauses) service.pause(slave)
      try {
        return await whenNotBusy(work, call.context.signal)
      } finally {
        if (pauses) service.resume(slave)
      }
    },
    async follow(slave, on) {
      if (!stateOf(slave)) return false
      if (on) service.resume(slave)
      else service.pause(slave)
      return true
    },
    hide: call.hide,
    quit,
  }
}

/** One that was given, by its name; else a database of this name on the first one's server. */
async function databaseCalled(name: string, known: readonly Named[]): Promise<ClientConfig> {
  const found = known.find((one) => one.name === name)
  if (found) return found.config()
  const reason = name === '' ? 'there is no name in the entry' : /=|:\/\//.test(name) ? 'not a name' : undefined
  if (reason !== undefined) {
    throw new RservError('BAD_ARGUMENT', name === '' ? reason : `${reason}: ${name}`, {
      hint: 'The page takes names of databases; connection strings go on the command line: rserv ui MASTER SLAVE.',
    })
  }
  return { ...(await known[0]?.config()), database: name }
}

/** A transfer in hand ends first. */
async function whenNotBusy<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (const until = Date.now() + BUSY_MS; ;) {
    try {
      return await work()
    } catch (error) {
      const busy = error instanceof RservError && error.code === 'BUSY'
      if (!busy || Date.now() > until) throw error
      await sleep(AGAIN_MS, undefined, { signal })
    }
  }
}
