import type { RservEvent } from '@rserv/core'
import type { Context } from './context.ts'
import { CopyBoard } from './copy-board.ts'
import type { OptionValues } from './options.ts'
import { flag } from './values.ts'

/** Shows events to a person on standard error. */
export interface EventReporter {
  tell(event: RservEvent): void
  /** Takes progress lines away before anything else is printed. */
  clear(): void
}

/** Milliseconds between two lines about copies where there is no terminal. */
const LINE_EVERY_MS = 5000

/**
 * Notices are always shown, unless --noverbose; progress as lines that are rewritten on a terminal, as plain lines
 * with --verbose; debug events with --debug. Copies of new tables have bars on a terminal, and elsewhere a line every
 * few seconds, but not beside --json.
 */
export function eventReporter(
  { stderr }: Context,
  options: OptionValues,
  hide: (text: string) => string,
): EventReporter {
  const screen = new Screen(stderr, hide)
  const quiet = flag(options, 'noverbose')
  const everything = flag(options, 'debug')
  const lines = everything || flag(options, 'verbose')
  const print = (text: string): void => {
    screen.clear()
    stderr.write(`${hide(text)}\n`)
  }
  const copies = stderr.isTTY ? bars(screen) : flag(options, 'json') ? () => undefined : seldom(print)
  return {
    clear: () => screen.clear(),
    tell(event) {
      if (event.kind === 'debug' ? !everything : quiet) return
      if (event.kind !== 'progress' || lines) print(event.message)
      else if (event.copy !== undefined) copies(event)
      else if (stderr.isTTY) screen.show([event.message])
    },
  }
}

function bars(screen: Screen): (event: RservEvent) => void {
  const board = new CopyBoard()
  return (event) => {
    board.tell(event)
    screen.show(board.bars(Date.now()))
    if (board.done) board.forget()
  }
}

/** The end is only told of what was told of before. */
function seldom(print: (text: string) => void): (event: RservEvent) => void {
  const board = new CopyBoard()
  let next: number | undefined
  let told = false
  return (event) => {
    board.tell(event)
    const now = Date.now()
    next ??= now + LINE_EVERY_MS
    if (board.done ? told : now >= next) {
      print(board.line(now))
      told = true
      next = now + LINE_EVERY_MS
    }
    if (!board.done) return
    board.forget()
    next = undefined
    told = false
  }
}

/** The last lines of a terminal, which are rewritten. */
class Screen {
  readonly #stderr: Context['stderr']
  readonly #hide: (text: string) => string
  #lines = 0

  constructor(stderr: Context['stderr'], hide: (text: string) => string) {
    this.#stderr = stderr
    this.#hide = hide
  }

  show(lines: readonly string[]): void {
    this.clear()
    // A line that wraps could not be taken away.
    const width = (this.#stderr.columns ?? 80) - 1
    this.#stderr.write(lines.map((line) => this.#hide(line).slice(0, width)).join('\n'))
    this.#lines = lines.length
  }

  clear(): void {
    if (this.#lines === 0) return
    // To the start of the first of them, and empty all that follows.
    const up = this.#lines > 1 ? `\u001B[${this.#lines - 1}A` : ''
    this.#stderr.write(`\r${up}\u001B[0J`)
    this.#lines = 0
  }
}
