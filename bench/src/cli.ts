import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Database } from './database.ts'
import { peakMegabytes } from './processes.ts'

const BIN = fileURLToPath(new URL('../../packages/cli/bin/rserv.js', import.meta.url))

function uri({ server, name }: Database): string {
  return `postgresql://${server.user}:${server.password}@${server.host}:${server.port}/${name}`
}

function start(...args: string[]): ChildProcess {
  return spawn(process.execPath, [BIN, ...args, '--json'], { stdio: ['ignore', 'pipe', 'inherit'] })
}

/** A process that follows. */
export interface Follower {
  readonly pid: number
  stop(): Promise<void>
}

/** Starts `rserv run`; returns when it has connected to all slaves. */
export async function startRun(master: Database, slaves: readonly Database[]): Promise<Follower> {
  const child = start('run', uri(master), ...slaves.map(uri))
  const waiting = new Set(slaves.map(({ name }) => name))
  await new Promise<void>((resolve, reject) => {
    child.once('close', (code) => reject(new Error(`rserv run ended with ${code}`)))
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
      const { event, slave } = JSON.parse(text) as { event: string; slave?: string }
      if (event === 'connected' && slave) waiting.delete(slave)
      if (waiting.size === 0) resolve()
    })
  })
  return {
    pid: child.pid ?? 0,
    async stop() {
      const ended = once(child, 'close')
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Runs a command of the CLI to its end; returns the most megabytes of memory that it held. */
export async function peakOf(command: string, ...databases: Database[]): Promise<number> {
  const child = start(command, ...databases.map(uri))
  child.stdout?.resume()
  const ended = once(child, 'close') as Promise<[number | null]>
  let peak = 0
  while (child.exitCode === null && child.signalCode === null) {
    try {
      const now = peakMegabytes(child)
      // No number where it has just ended.
      if (now > peak) peak = now
    } catch {
      // It has ended.
    }
    await Promise.race([ended, sleep(20)])
  }
  const [code] = await ended
  if (code !== 0) throw new Error(`rserv ${command} ended with ${code}`)
  return peak
}
