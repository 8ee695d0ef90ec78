import { RservError } from '@rserv/core'
import { CommanderError } from 'commander'
import { redact } from './connection/redact.ts'
import type { Context } from './context.ts'
import { UsageError } from './errors.ts'
import { json } from './output.ts'

/** What is known of a run when it fails. */
export interface RunState {
  readonly argv: readonly string[]
  /** Passwords that came up, never to be printed. */
  readonly secrets: string[]
  /** Standard output is a snapshot file's. */
  dataOnStdout: boolean
  /** The command found problems. */
  failed: boolean
}

interface Report {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
  readonly sqlState?: string | undefined
}

/** Tells what went wrong on standard error; with --json also as the one document on standard output. */
export function reportError(error: unknown, context: Context, { argv, secrets, dataOnStdout }: RunState): void {
  const hide = (text: string): string => redact(text, secrets)
  const { code, message, hint, sqlState } = describe(error, context)
  if (argv.includes('--json')) {
    const document = { error: { code, message: hide(message), hint: hint && hide(hint), sqlState } }
    const stream = dataOnStdout ? context.stderr : context.stdout
    stream.write(`${json(document)}\n`)
  }
  // Commander has told it already, with a suggestion.
  if (!(error instanceof CommanderError)) {
    context.stderr.write(`rserv: ${hide(message)}\n`)
    if (hint) context.stderr.write(`hint: ${hide(hint)}\n`)
  }
  if (argv.includes('--debug') && error instanceof Error) context.stderr.write(`${hide(stack(error))}\n`)
}

function describe(error: unknown, { signal }: Context): Report {
  if (error instanceof UsageError) return { code: 'USAGE', message: error.message, hint: error.hint }
  if (error instanceof CommanderError) {
    const message = error.code === 'commander.help' ? 'no command given' : error.message.replace(/^error: /, '')
    return { code: 'USAGE', message, hint: 'rserv help COMMAND says how a command is used.' }
  }
  if (signal.aborted) return { code: 'CANCELLED', message: 'interrupted', hint: 'What was under way was rolled back.' }
  if (error instanceof RservError) return error
  return { code: 'INTERNAL', message: error instanceof Error ? error.message : String(error) }
}

function stack(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stack(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
