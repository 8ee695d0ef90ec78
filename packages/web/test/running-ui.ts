import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const BIN = fileURLToPath(new URL('../../cli/bin/', import.meta.url))

/** `rserv ui`, or `rserv run --json`, in a process of its own, as a user starts it. */
export class RunningUi implements AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams
  /** Where the page is, as the process printed it. */
  readonly url: Promise<string>
  /** What it wrote to standard error so far. */
  stderr = ''
  readonly #exit: Promise<number | null>

  constructor(args: readonly string[], { program = 'rserv', env = {} as Record<string, string> } = {}) {
    const bare = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')))
    this.child = spawn(
      process.execPath,
      [`${BIN}${program}.js`, ...args, ...(args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'])],
      {
        env: { ...bare, ...env },
      },
    )
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.#exit = once(this.child, 'close').then(([code]) => code as number | null)
    this.url = this.#findUrl()
    this.url.catch(() => undefined)
  }

  async #findUrl(): Promise<string> {
    try {
      for await (const line of createInterface(this.child.stdout)) {
        const url = urlIn(line)
        if (url !== undefined) return url
      }
    } finally {
      // What it writes from now on is read by nobody, and does not hold it up.
      this.child.stdout.resume()
    }
    throw new Error(`it ended before it said where the page is: ${this.stderr}`)
  }

  /** Its exit code, once it has ended. */
  ended(): Promise<number | null> {
    return this.#exit
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal)
    return this.#exit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end('SIGTERM')
  }
}

/** What `ui` prints is the address; `run --json` tells it among its events. */
function urlIn(line: string): string | undefined {
  if (!line.startsWith('{')) return line
  const { event, url } = JSON.parse(line) as { event?: string; url?: string }
  return event === undefined || event === 'listening' ? url : undefined
}
