import { spawnSync } from 'node:child_process'
import { chmodSync, closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Two named pipes over which a function in the server asks this process and waits for the answer: COPY writes a line
 * to one and reads the other to its end. The server must be on this machine and may run as another account. One
 * question at a time: the asking function holds a lock.
 */
export class Channel implements Disposable {
  readonly request: string
  readonly reply: string
  readonly #folder: string
  readonly #requests: Socket
  /** Answers on their way; a backend that ended meanwhile never reads its own. */
  #writing: Promise<void> = Promise.resolve()

  constructor(answer: (request: string) => string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'rserv-plv8-'))
    chmodSync(this.#folder, 0o711)
    this.request = makePipe(this.#folder, 'request')
    this.reply = makePipe(this.#folder, 'reply')
    // Open for writing as well, so that it never ends between two writers.
    const fd = openSync(this.request, constants.O_RDWR | constants.O_NONBLOCK)
    this.#requests = new Socket({ fd, readable: true, writable: false })
    this.#serve(answer)
  }

  #serve(answer: (request: string) => string): void {
    let text = ''
    this.#requests.setEncoding('latin1').on('data', (chunk: string) => {
      const lines = (text + chunk).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) {
        const reply = answer(Buffer.from(line, 'hex').toString('utf8'))
        const hex = Buffer.from(reply, 'utf8').toString('hex')
        this.#writing = this.#writing.then(() => writeFile(this.reply, `${hex}\n`))
      }
    })
  }

  [Symbol.dispose](): void {
    this.#requests.destroy()
    // Lets go of a writer that nobody reads any more.
    closeSync(openSync(this.reply, 'r+'))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function makePipe(folder: string, name: string): string {
  const pipe = join(folder, name)
  const made = spawnSync('mkfifo', [pipe])
  if (made.status !== 0) throw new Error(`mkfifo: ${made.error?.message ?? made.stderr.toString()}`)
  chmodSync(pipe, 0o666)
  return pipe
}
