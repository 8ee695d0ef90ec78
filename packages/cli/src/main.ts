import { CommanderError } from 'commander'
import type { Context } from './context.ts'
import { UsageError } from './errors.ts'
import { buildProgram } from './program.ts'
import { reportError } from './report.ts'

const EXIT = { done: 0, failed: 1, usage: 2 } as const

/**
 * Runs one command line.
 * @param argv what follows the program's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage
 */
export async function main(argv: readonly string[], context: Context): Promise<number> {
  const secrets: string[] = []
  try {
    await buildProgram(context, secrets).parseAsync([...argv], { from: 'user' })
    return EXIT.done
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
    reportError(error, { context, secrets, argv })
    return error instanceof UsageError ? EXIT.usage : EXIT.failed
  }
}
