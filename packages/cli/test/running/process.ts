import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const BIN = fileURLToPath(new URL('../../bin/rserv.js', import.meta.url))

export interface Line {
  readonly event: string
  readonly slave?: string
  readonly [name: string]: unknown
}

/** `rserv run` as a process of its own, which speaks JSON; inside a test. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  /** Read, and not asked for yet: two slaves speak in any order. */
  readonly early: Line[] = []

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [BIN, 'run', ...args, '--json', '--log-level', 'debug'], {
      env: { ...process.env, ...env },
    })
    // Also where the test ran out of time, and nobody disposes of it.
    onTestFinished(() => void this.child.kill('SIGKILL'))
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]()
  }

  /** The next line about it. */
  async until(wanted: Partial<Line>): Promise<Line> {
    const fits = (line: Line): boolean => Object.entries(wanted).every(([name, expected]) => line[name] === expected)
    const index = this.early.findIndex(fits)
    const [early] = index === -1 ? [] : this.early.splice(index, 1)
    if (early) return early
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done) throw new Error(`it ended before ${JSON.stringify(wanted)}`)
      const line = JSON.parse(value) as Line
      if (fits(line)) return line
      this.early.push(line)
    }
  }

  /** Its exit code. */
  async exited(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
    return this.child.exitCode
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal)
    return this.exited()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end('SIGKILL')
  }
}
