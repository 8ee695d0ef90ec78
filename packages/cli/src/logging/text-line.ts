import { styleText } from 'node:util'

/** A line of the log as pino writes it. */
interface LogLine {
  readonly at: string
  readonly level: string
  readonly event: string
  readonly message: string
  readonly master?: string | null
  readonly slave?: string | null
  readonly hint?: string | null
}

const COLORS: Readonly<Record<string, 'dim' | 'green' | 'yellow' | 'red'>> = {
  debug: 'dim',
  info: 'green',
  warn: 'yellow',
  error: 'red',
}

/** A line for people from one for programs, ended with a newline. */
export function textLine(json: string, colors: boolean): string {
  const { at, level, event, message, master, slave, hint } = JSON.parse(json) as LogLine
  const shownLevel = level.padEnd(5)
  const color = COLORS[level]
  const about = [master, slave].filter((name) => name != null).join('/')
  const text = `${event}${about && ` ${about}`}: ${message}${hint ? ` (${hint})` : ''}`
  return `${at} ${colors && color ? styleText(color, shownLevel) : shownLevel} ${plain(text)}\n`
}

/** Names and messages come from elsewhere: a newline must not look like another line, nor control the terminal. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001F\u007F-\u009F\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
