import type { Call } from '../command.ts'
import { UsageError } from '../errors.ts'
import { flag } from '../values.ts'
import type { LogLevel } from './codes.ts'
import { LOG_LEVELS } from './codes.ts'
import type { Log } from './log.ts'
import { openLog } from './log.ts'

/** Values that are not checked yet, of flags or of a configuration file; the first that says something holds. */
interface LogWish {
  readonly format?: string | undefined
  readonly level?: string | undefined
}

/** What it takes of a call. */
interface LogCall extends Pick<Call, 'options' | 'hide'> {
  readonly context: Pick<Call['context'], 'stdout'>
}

/**
 * The log of a command that runs for long, on standard output: it is what such a command has to say.
 *
 * ```ts
 * const log = logOf(call, { format: text(options, 'logFormat'), level: text(options, 'logLevel') }, configuration.log)
 * ```
 *
 * Without a format it is text, with --json it is JSON; without a level it is info.
 * @throws UsageError
 */
export function logOf({ context, options, hide }: LogCall, ...wishes: readonly LogWish[]): Log {
  const [format = flag(options, 'json') ? 'json' : 'text'] = wishes.flatMap((wish) => wish.format ?? [])
  const [level = 'info'] = wishes.flatMap((wish) => wish.level ?? [])
  if (format !== 'text' && format !== 'json') {
    throw new UsageError(`no log format: ${format}`, 'It is text or json.')
  }
  if (!isLevel(level)) throw new UsageError(`no log level: ${level}`, `It is one of ${LOG_LEVELS.join(', ')}.`)
  return openLog({ format, level, stream: context.stdout, hide })
}

function isLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text)
}
