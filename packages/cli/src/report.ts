import { RservError } from '@rserv/core'
import { redact } from './connection/redact.ts'
import type { Context } from './context.ts'
import { UsageError } from './errors.ts'
import { json } from './output.ts'

/** Tells what went wrong on standard error; with --json also as a document on standard output. */
export function reportError(
  error: unknown,
  { context, secrets, argv }: { context: Context; secrets: readonly string[]; argv: readonly string[] },
): void {
  const hide = (text: string): string => redact(text, secrets)
  const message = hide(error instanceof Error ? error.message : String(error))
  const hint = error instanceof RservError || error instanceof UsageError ? error.hint : undefined
  const code = error instanceof RservError ? error.code : error instanceof UsageError ? 'USAGE' : 'INTERNAL'
  if (argv.includes('--json')) {
    const sqlState = error instanceof RservError ? error.sqlState : undefined
    context.stdout.write(`${json({ error: { code, message, hint: hint && hide(hint), sqlState } })}\n`)
  }
  context.stderr.write(`rserv: ${message}\n`)
  if (hint) context.stderr.write(`hint: ${hide(hint)}\n`)
  if (argv.includes('--debug') && error instanceof Error) context.stderr.write(`${hide(stack(error))}\n`)
}

function stack(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stack(error.cause)}` : ''
  return `${error.stack ?? error.message}${cause}`
}
