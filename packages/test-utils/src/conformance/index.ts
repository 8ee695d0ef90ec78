/** The conformance suite of trigger backends; needs vitest. */
export type { ConformanceOptions } from './describe-backend.ts'
export { describeTriggerBackend, SCRIPTS } from './describe-backend.ts'
export type { ScriptOptions, StepResult } from './run-script.ts'
export { runScript } from './run-script.ts'
export type { LoggedKeys, Script, Step } from './script.ts'
