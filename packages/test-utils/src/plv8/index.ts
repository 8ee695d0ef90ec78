/** PLV8 for tests: a real server that has it where one can be reached, and a stand-in for where none can. */
export type { Executed, FunctionText, TriggerCall } from './engine.ts'
export { Plv8Engine } from './engine.ts'
export type { Plv8StandIn } from './stand-in.ts'
export { startPlv8StandIn } from './stand-in.ts'
export { sharedPlv8Server, startPlv8Server, WITHOUT_PLV8 } from './server.ts'
