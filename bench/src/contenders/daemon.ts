import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../database.ts'
import { MARKER } from './contender.ts'

/** A program that runs until it is stopped. */
export interface Daemon {
  readonly pid: number
  /** Rejects when the program ends by itself. */
  readonly ended: Promise<never>
  stop(): Promise<void>
}

/** Starts a program that stays in the foreground. */
export function startDaemon(program: string, args: readonly string[], env: Record<string, string> = {}): Daemon {
  const child: ChildProcess = spawn(program, [...args], { env: { ...process.env, ...env }, stdio: 'ignore' })
  const closed = once(child, 'close')
  const ended = closed.then(([code]) => Promise.reject(new Error(`${program} ended with ${String(code)}`)))
  ended.catch(() => undefined)
  return {
    pid: child.pid ?? 0,
    ended,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await closed
    },
  }
}

/** Daemons that were started in this order; they are stopped in the opposite one. */
export function together(daemons: readonly Daemon[]): Daemon {
  const ended = Promise.race(daemons.map((daemon) => daemon.ended))
  // Nobody may be waiting for it.
  ended.catch(() => undefined)
  return {
    pid: daemons.at(-1)?.pid ?? 0,
    ended,
    async stop() {
      for (const daemon of daemons.toReversed()) await daemon.stop()
    },
  }
}

/** Does the work while the daemon runs, and stops it. @throws Error when the daemon ends before */
export async function whileRunning(daemon: Daemon, work: () => Promise<unknown>): Promise<void> {
  try {
    await Promise.race([work(), daemon.ended])
  } finally {
    await daemon.stop()
  }
}

/** Nothing that is measured takes longer: something is wrong then. */
const PATIENCE_SECONDS = 300

/** @throws Error after five minutes */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_SECONDS * 1000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited for ${PATIENCE_SECONDS} seconds in vain`)
    await sleep(5)
  }
}

/** Writes a marker on the master and waits until the slave has it, and so all that was committed before. */
export async function passMarker(master: Database, slave: Database): Promise<void> {
  const id = await master.value(
    `insert into ${MARKER} (id) select coalesce(max(id), 0) + 1 from ${MARKER} returning id`,
  )
  await until(async () => (await slave.value(`select count(*) from ${MARKER} where id = ${id}`)) === '1')
}

/** A folder for configuration and messages, for each master database one. */
export class Folders {
  readonly #folders = new Map<string, string>()

  of(master: Database): string {
    const folder = this.#folders.get(master.name) ?? mkdtempSync(join(tmpdir(), 'rserv-bench-'))
    this.#folders.set(master.name, folder)
    return folder
  }

  remove(master: Database): void {
    const folder = this.#folders.get(master.name)
    if (folder) rmSync(folder, { recursive: true, force: true })
    this.#folders.delete(master.name)
  }
}
