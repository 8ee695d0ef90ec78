/** The command line as a function: `main(argv, context)` gives the exit code. */
export type { Context } from './context.ts'
export { processContext } from './context.ts'
export { main } from './main.ts'
export { run } from './run.ts'
