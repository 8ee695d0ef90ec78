import { spawn, spawnSync } from 'node:child_process'
import { createWriteStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../workspace.mjs'

const BIN = join(ROOT, 'packages', 'cli', 'bin', 'rserv.js')

/** Runs a command to its end. @throws Error with what it said */
export function cli(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`rserv ${args[0]} ended with ${status}: ${stderr}${stdout}`)
  return stdout
}

/** `rserv run`, as often as it is started. */
export class Rserv {
  #config
  #log
  #child
  #expected = false
  #crash
  /** Rejects when it ends though nobody told it to. */
  crashed = new Promise((_, reject) => (this.#crash = reject))
  /** Lines that were told, by event. */
  events = {}

  constructor({ config }, folder) {
    this.#config = config
    this.#log = createWriteStream(join(folder, 'rserv.log'))
    this.crashed.catch(() => undefined)
  }

  get pid() {
    return this.#child?.pid
  }

  start() {
    this.#expected = false
    const child = spawn(process.execPath, [BIN, 'run', '--config', this.#config], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    child.stdout.on('data', (data) => this.#count(data))
    child.stdout.pipe(this.#log, { end: false })
    child.stderr.pipe(this.#log, { end: false })
    child.once('exit', (code, signal) => {
      if (!this.#expected) this.#crash(new Error(`rserv run ended by itself: ${code ?? signal}; rserv.log says more`))
    })
  }

  #count(data) {
    for (const [, event] of data.toString().matchAll(/"event":"([\w-]+)"/g)) {
      this.events[event] = (this.events[event] ?? 0) + 1
    }
  }

  signal(signal) {
    this.#child.kill(signal)
  }

  /** Ends it, and waits for that. */
  async stop(signal) {
    this.#expected = true
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  async end() {
    await this.stop('SIGKILL')
    this.#log.end()
  }

  /** Resident memory in MB; null where that cannot be told. */
  memory() {
    try {
      const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.pid}/status`, 'utf8')) ?? []
      return kilobytes === undefined ? null : Number(kilobytes) / 1024
    } catch {
      return null
    }
  }
}
