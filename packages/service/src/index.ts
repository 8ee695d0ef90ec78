/** Keeps any number of masters and slaves up: no command line, no configuration file, no HTTP. */
export type { EventBase, MovedTable, ServiceEvent, ServiceEventBody, ServiceEventKind } from './events.ts'
export type { CopyState, MasterState, Problem, ServiceState, SlavePhase, SlaveState, SlaveTableState } from './state.ts'
export { problemOf } from './problem.ts'
export type { Throttle } from '@rserv/core'
export type { CleanSpec, LogLimitSpec, MasterSpec, ServiceSpec, SlaveSpec, SourceSpec } from './spec.ts'
export type { Service, ServiceOptions } from './service.ts'
export { createService } from './service.ts'
