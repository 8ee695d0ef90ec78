import type { RservEvent } from '@rserv/core'
import type { Context } from './context.ts'
import type { OptionValues } from './options.ts'
import { flag } from './values.ts'

/** Shows events to a person on standard error. */
export interface EventReporter {
  tell(event: RservEvent): void
  /** Takes a progress line away before anything else is printed. */
  clear(): void
}

/** Back to the line's start and empty it. */
const EMPTY_LINE = '\r\u001B[2K'

/**
 * Notices are always shown, unless --noverbose; progress as one line that is rewritten on a terminal, as plain lines
 * with --verbose; debug events with --debug.
 */
export function eventReporter(
  { stderr }: Context,
  options: OptionValues,
  hide: (text: string) => string,
): EventReporter {
  let pending = false
  const clear = (): void => {
    if (pending) stderr.write(EMPTY_LINE)
    pending = false
  }
  const quiet = flag(options, 'noverbose')
  const everything = flag(options, 'debug')
  const lines = everything || flag(options, 'verbose')
  return {
    clear,
    tell({ kind, message }) {
      if (kind === 'debug' ? !everything : quiet) return
      if (kind === 'progress' && !lines) {
        if (!stderr.isTTY) return
        stderr.write(`${EMPTY_LINE}${hide(message).slice(0, (stderr.columns ?? 80) - 1)}`)
        pending = true
        return
      }
      clear()
      stderr.write(`${hide(message)}\n`)
    },
  }
}
