import { RservError } from '@rserv/core'
import type { Problem } from './state.ts'

/** An error as a document. */
export function problemOf(error: unknown, at: Date = new Date()): Problem {
  const message = error instanceof Error ? error.message : String(error)
  const known = error instanceof RservError ? error : undefined
  return { code: known?.code ?? 'INTERNAL', message, hint: known?.hint ?? null, at: at.toISOString() }
}
