import { RservError } from '@rserv/core'
import { CommanderError } from 'commander'
import type { Context } from './context.ts'
import { UsageError } from './errors.ts'
import { EXIT } from './exit-codes.ts'
import { buildProgram } from './program.ts'
import { reportError } from './report.ts'
import type { RunState } from './report.ts'

/**
 * Runs one command line.
 * @param argv what follows the program's name
 * @returns the exit code: 0 done, 1 failed or problems found, 2 wrong usage
 */
export async function main(argv: readonly string[], context: Context): Promise<number> {
  const state: RunState = { argv, secrets: [], dataOnStdout: false, failed: false }
  try {
    await buildProgram(context, state).parseAsync([...argv], { from: 'user' })
    return state.failed ? EXIT.failed : EXIT.done
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done
    reportError(error, context, state)
    return isUsage(error) ? EXIT.usage : EXIT.failed
  }
}

function isUsage(error: unknown): boolean {
  if (error instanceof CommanderError || error instanceof UsageError) return true
  return error instanceof RservError && error.code === 'BAD_NAME'
}
