import type { Throttle } from '@rserv/core'
import type { MasterSpec, SlaveSpec } from '@rserv/service'
import type { ClientConfig } from 'pg'
import type { Config, MasterConfig, SlaveConfig } from './schema.ts'

/** The databases of a text, with what the environment, service and password files say at that moment. */
export type Resolve = (database: string) => Promise<ClientConfig>

/**
 * What the configuration means for the service.
 * @throws UsageError for a database that cannot be understood
 */
export async function toMasters({ masters }: Config, resolve: Resolve): Promise<MasterSpec[]> {
  for (const { database, slaves } of masters) {
    await resolve(database)
    for (const slave of slaves) await resolve(slave.database)
  }
  return masters.map((master) => toMaster(master, resolve))
}

function toMaster({ name, database, slaves, clean, logLimit }: MasterConfig, resolve: Resolve): MasterSpec {
  return {
    name,
    source: () => resolve(database),
    identity: database,
    slaves: slaves.map((slave) => toSlave(slave, resolve)),
    clean: clean === false ? null : { everySeconds: clean?.every ?? 60, keepSeconds: clean?.keep ?? 0 },
    logLimit: logLimit ? { bytes: logLimit.size, over: logLimit.over ?? 'warn' } : null,
  }
}

function toSlave({ name, database, paused, throttle, copy, pace }: SlaveConfig, resolve: Resolve): SlaveSpec {
  return {
    name,
    server: name,
    source: () => resolve(database),
    identity: database,
    paused,
    throttle: throttle && toThrottle(throttle),
    jobs: copy?.jobs,
    idleMs: ms(pace?.idle),
    busyMs: ms(pace?.busy),
    retryMs: ms(pace?.retry),
    parkedRetryMs: ms(pace?.parked),
  }
}

function toThrottle({ rows, bytes, pause }: NonNullable<SlaveConfig['throttle']>): Throttle {
  return { rowsPerSecond: rows, bytesPerSecond: bytes, pauseMs: ms(pause) }
}

function ms(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : seconds * 1000
}
