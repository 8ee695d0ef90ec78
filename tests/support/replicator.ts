import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Point, ReplicateOptions } from '@rserv/core'
import type { ClientConfig } from 'pg'

const DRIVER = fileURLToPath(new URL('replicator.mjs', import.meta.url))

interface ReplicatorEnd {
  readonly signal: NodeJS.Signals | null
  /** Points in the order in which they were first reached. */
  readonly reached: readonly Point[]
  /** Names of the tables that were copied apart, in the order in which they were done. */
  readonly copied: readonly string[]
  readonly outcome?: string
  /** RservError's code. */
  readonly code?: string
  readonly message?: string
  readonly hint?: string
}

export interface Sides {
  readonly master: ClientConfig
  readonly slave: ClientConfig
}

/** A replicator in a process of its own. */
export interface Replicator {
  readonly process: ChildProcess
  /** Resolves when it waits at `pauseAt`, or has ended without reaching it. */
  readonly paused: Promise<boolean>
  readonly ended: Promise<ReplicatorEnd>
  /** Lets it go on after a pause. */
  goOn(): void
}

/** Starts one run; it kills itself with SIGKILL at `killAt`, or stands still at `pauseAt` until it may go on. */
export function startReplicator(
  { master, slave }: Sides,
  at: {
    killAt?: Point | undefined
    pauseAt?: Point | undefined
    nodeOptions?: string
    options?: Pick<ReplicateOptions, 'jobs' | 'withinBytes'> | undefined
  } = {},
): Replicator {
  const child = spawn(process.execPath, [...(at.nodeOptions ? [at.nodeOptions] : []), DRIVER], {
    env: { ...process.env, RSERV_TEST_RUN: JSON.stringify({ master, slave, ...at }) },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.on('error', () => undefined)
  const reached: Point[] = []
  const copied: string[] = []
  let end: Omit<ReplicatorEnd, 'signal' | 'reached' | 'copied'> = {}
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (text) => {
    const line = JSON.parse(text) as { point?: Point; copied?: string } & typeof end
    if (line.copied) copied.push(line.copied)
    else if (line.point) reached.push(line.point)
    else end = line
    if (line.point && line.point === at.pauseAt) child.emit('paused', true)
  })
  const paused = new Promise<boolean>((resolve) => {
    child.once('paused', resolve)
    child.once('close', () => resolve(false))
  })
  const ended = new Promise<ReplicatorEnd>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (_code, signal) => resolve({ signal, reached, copied, ...end }))
  })
  return { process: child, paused, ended, goOn: () => void child.stdin.write('\n') }
}
