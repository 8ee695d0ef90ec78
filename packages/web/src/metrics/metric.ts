import type { MasterState, ServiceState, SlaveState } from '@rserv/service'

/** One value with the values of its labels, in the order of the metric's `labels`. */
export interface Sample {
  readonly labels: readonly string[]
  readonly value: number
}

/** A metric, as it is exported and documented. The name ends with the unit, as Prometheus has it. */
export interface Metric {
  readonly name: `rserv_${string}`
  /** A counter only grows, from the start of the process on. */
  readonly type: 'gauge' | 'counter'
  readonly labels: readonly string[]
  /** Says what the value is, its unit, and when there is none. */
  readonly help: string
  read(state: ServiceState): Sample[]
}

type Value = number | null

/** A metric of the whole service. */
export function ofService(
  name: Metric['name'],
  help: string,
  {
    labels = {},
    value,
  }: { labels?: Record<string, (state: ServiceState) => string>; value: (state: ServiceState) => Value },
): Metric {
  const read = (state: ServiceState): Sample[] =>
    sample(
      Object.values(labels).map((label) => label(state)),
      value(state),
    )
  return { name, type: typeOf(name), labels: Object.keys(labels), help, read }
}

/** A metric of each master. */
export function ofMaster(name: Metric['name'], help: string, value: (master: MasterState) => Value): Metric {
  return {
    name,
    type: typeOf(name),
    labels: ['master'],
    help,
    read: ({ masters }) => masters.flatMap((master) => sample([master.name], value(master))),
  }
}

/** A metric of each table on each master. */
export function ofMasterTable(
  name: Metric['name'],
  help: string,
  value: (table: MasterState['tables'][number]) => Value,
): Metric {
  return {
    name,
    type: typeOf(name),
    labels: ['master', 'schema', 'table'],
    help,
    read: ({ masters }) =>
      masters.flatMap((master) =>
        master.tables.flatMap((table) => sample([master.name, table.schema, table.name], value(table))),
      ),
  }
}

/** A metric of each slave. */
export function ofSlave(name: Metric['name'], help: string, value: (slave: SlaveState) => Value): Metric {
  return ofSlaveBy(name, help, { label: null, values: (slave) => [['', value(slave)]] })
}

/** A metric of each slave with one more label. */
export function ofSlaveBy(
  name: Metric['name'],
  help: string,
  { label, values }: { label: string | null; values: (slave: SlaveState) => readonly (readonly [string, Value])[] },
): Metric {
  return {
    name,
    type: typeOf(name),
    labels: ['master', 'slave', ...(label === null ? [] : [label])],
    help,
    read: (state) =>
      eachSlave(state).flatMap(({ master, slave }) =>
        values(slave).flatMap(([by, value]) => sample([master, slave.name, ...(label === null ? [] : [by])], value)),
      ),
  }
}

/** A metric of each table on each slave. */
export function ofSlaveTable(
  name: Metric['name'],
  help: string,
  value: (table: SlaveState['tables'][number]) => Value,
): Metric {
  return {
    name,
    type: typeOf(name),
    labels: ['master', 'slave', 'schema', 'table'],
    help,
    read: (state) =>
      eachSlave(state).flatMap(({ master, slave }) =>
        slave.tables.flatMap((table) => sample([master, slave.name, table.schema, table.name], value(table))),
      ),
  }
}

function eachSlave({ masters }: ServiceState): { master: string; slave: SlaveState }[] {
  return masters.flatMap((master) => master.slaves.map((slave) => ({ master: master.name, slave })))
}

function typeOf(name: string): Metric['type'] {
  return name.endsWith('_total') ? 'counter' : 'gauge'
}

function sample(labels: readonly string[], value: Value): Sample[] {
  return value === null || !Number.isFinite(value) ? [] : [{ labels, value }]
}

/** Seconds since 1970 of an ISO 8601 time. */
export function seconds(time: string | null | undefined): Value {
  return time == null ? null : Date.parse(time) / 1000
}
