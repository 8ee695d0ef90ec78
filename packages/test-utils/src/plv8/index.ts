/** A stand-in for PLV8, for servers that have none. */
export type { Executed, FunctionText, TriggerCall } from './engine.ts'
export { Plv8Engine } from './engine.ts'
export type { Plv8StandIn } from './stand-in.ts'
export { startPlv8StandIn } from './stand-in.ts'
