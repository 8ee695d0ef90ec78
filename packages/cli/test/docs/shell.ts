import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A shell that is open as long as the page: variables, the folder and programs in the background stay. */
export class Shell implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #ended: Promise<void>
  #output = ''
  #blocks = 0
  #over = false
  #heard: () => void = () => undefined

  /** @param folder where the reader works; @param scripts a folder for the blocks */
  constructor(folder: string, scripts: string, env: Readonly<Record<string, string>>) {
    this.#folder = scripts
    const child = spawn('bash', ['--noprofile', '--norc', '-e', '-o', 'pipefail'], {
      cwd: folder,
      env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#child = child
    const hear = (text: Buffer): void => {
      this.#output += text.toString('utf8')
      this.#heard()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.stdin.on('error', () => undefined)
    child.stdin.write('exec 2>&1\n')
    this.#ended = new Promise((resolve) => {
      child.once('exit', () => {
        this.#over = true
        this.#heard()
        resolve()
      })
    })
  }

  /**
   * Runs a block as typed, and ends with its first command that fails.
   * @returns what was printed, by programs in the background too, and whether a command failed
   */
  async run(block: string, mayFail: boolean): Promise<{ output: string; failed: boolean }> {
    const number = ++this.#blocks
    const file = join(this.#folder, `block-${number}.sh`)
    writeFileSync(file, `${block}\n`)
    const mark = `--- end of block ${number}, with `
    this.#output = ''
    const source = `. '${file}' </dev/null`
    // A shell with -e ends at the first failure, and so do the page and the test.
    const wrapped = mayFail ? `set +e; ${source}; __status=$?; set -e` : `${source}; __status=0`
    this.#child.stdin?.write(`${wrapped}; printf '\\n${mark}%s\\n' "$__status"\n`)
    while (!this.#over && !this.#output.includes(mark)) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
    const end = this.#output.indexOf(mark)
    if (end === -1) return { output: this.#output, failed: true }
    await this.#restOf(mark)
    const failed = !this.#output.slice(end + mark.length).startsWith('0\n')
    return { output: this.#output.slice(0, end), failed }
  }

  async #restOf(mark: string): Promise<void> {
    while (!this.#over && !this.#output.slice(this.#output.indexOf(mark)).includes('\n')) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
    }
  }

  /** Ends the shell and what it left in the background. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end()
    if (!this.#over && this.#child.pid !== undefined) {
      try {
        process.kill(-this.#child.pid, 'SIGTERM')
      } catch {
        // It has just ended.
      }
      this.#child.kill('SIGKILL')
    }
    await this.#ended
  }
}
