import { masterAddTables, masterInit, slaveAddTables, slaveInit } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase } from '@rserv/test-utils'
import { backend } from '@rserv/trigger-plpgsql'
import type { Service, ServiceEvent, ServiceEventKind, SlaveState } from '../src/index.ts'

export const backends = async (): Promise<typeof backend> => backend

export async function createMaster(ddl: string): Promise<TestDatabase> {
  const master = await createDatabase({ label: 'service_m' })
  await master.query(ddl)
  await masterInit(master.config, { backends })
  await masterAddTables(master.config, { tables: [], all: true, backends })
  return master
}

export async function createSlave(ddl: string): Promise<TestDatabase> {
  const slave = await createDatabase({ label: 'service_s' })
  await slave.query(ddl)
  await slaveInit(slave.config)
  await slaveAddTables(slave.config, { tables: [], all: true })
  return slave
}

type Wanted = Readonly<Record<string, unknown>> & { readonly kind: ServiceEventKind }

/** Reads a service's events, in whatever order slaves speak. */
export class Reading {
  readonly seen: ServiceEvent[] = []
  readonly #events: AsyncIterator<ServiceEvent>

  constructor(service: Service) {
    this.#events = service.events()
  }

  /** The next event like this; each is given out once. */
  async until(wanted: Wanted): Promise<ServiceEvent> {
    const fits = (event: ServiceEvent): boolean =>
      Object.entries(wanted).every(([name, value]) => event[name as keyof ServiceEvent] === value)
    const index = this.seen.findIndex(fits)
    const [early] = index === -1 ? [] : this.seen.splice(index, 1)
    if (early) return early
    for (;;) {
      const { value, done } = await this.#events.next()
      if (done) throw new Error(`the service ended before ${JSON.stringify(wanted)}`)
      if (fits(value)) return value
      this.seen.push(value)
    }
  }
}

export function stateOf(service: Service, name: string): SlaveState {
  const found = service.state().masters.flatMap(({ slaves }) => slaves.filter((slave) => slave.name === name))
  if (!found[0]) throw new Error(`no slave ${name}`)
  return found[0]
}
