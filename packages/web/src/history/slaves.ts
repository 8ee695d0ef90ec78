import type { MasterState, ServiceState, SlaveState } from '@rserv/service'

/** A slave with the master that it follows. */
export interface Followed {
  /** Unique among all slaves of a service: `master → slave`. */
  readonly key: string
  readonly master: MasterState
  readonly slave: SlaveState
}

/** All slaves of all masters, in their order. */
export function followed({ masters }: ServiceState): Followed[] {
  return masters.flatMap((master) =>
    master.slaves.map((slave) => ({ key: `${master.name} → ${slave.name}`, master, slave })),
  )
}
