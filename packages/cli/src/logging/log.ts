import pino from 'pino'
import type { LogCode, LogLevel } from './codes.ts'
import { LOG_CODES } from './codes.ts'
import { textLine } from './text-line.ts'

export interface LogOptions {
  readonly format: 'text' | 'json'
  /** Lines of a lower level are left out. */
  readonly level: LogLevel
  /** Where the lines go. */
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean }
  /** Blackens passwords; every text of a line goes through it: `(text) => redact(text, secrets)`. */
  readonly hide: (text: string) => string
}

/** Values of a line, besides its message. JSON-able. */
type LogFields = Readonly<Record<string, unknown>>

/**
 * The log of a process that runs for long:
 *
 * ```ts
 * const log = openLog({ format: 'text', level: 'info', stream: context.stdout, hide })
 * log.say('listening', 'listening on http://127.0.0.1:8432', { url })
 * for await (const event of service.events()) tellEvent(log, event)
 * ```
 *
 * With format json each line is one document: `at` (ISO 8601, UTC), `level`, `event` (the code), the fields, and `message`
 * for people. As text a line is the time, the level, the code, whom it is about, and the message.
 */
export interface Log {
  /** One line. Its level is the code's. */
  say(code: LogCode, message: string, fields?: LogFields): void
}

export function openLog({ format, level, stream, hide }: LogOptions): Log {
  const colors = stream.isTTY === true
  const sink = format === 'json' ? stream : { write: (line: string) => stream.write(textLine(line, colors)) }
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"at":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink as pino.DestinationStream,
  )
  return {
    say(code, message, fields = {}) {
      logger[LOG_CODES[code].level]({ event: code, ...(hideIn(fields, hide) as object) }, hide(message))
    },
  }
}

/** With every text in it blackened. */
function hideIn(value: unknown, hide: (text: string) => string): unknown {
  if (typeof value === 'string') return hide(value)
  if (Array.isArray(value)) return value.map((item) => hideIn(item, hide))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, hideIn(item, hide)]))
}
