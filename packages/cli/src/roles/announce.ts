import { announceRole, RservError } from '@rserv/core'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ClientConfig } from 'pg'
import type { Call } from '../command.ts'
import { uriWithoutPassword } from '../connection/uri.ts'
import { flag, text } from '../values.ts'

/** Tells applications who the master is now, in the ways that were asked for. */
export async function tellNewMaster(call: Call, master: ClientConfig, generation: number): Promise<void> {
  if (flag(call.options, 'announce')) await announce(call, master, 'master')
  const hook = text(call.options, 'hook')
  if (hook !== undefined) await runHook(call, hook, { uri: uriWithoutPassword(master), generation })
}

/** Only a notice where it fails: the roles are changed all the same. */
export async function announce(call: Call, database: ClientConfig, role: 'master' | 'slave'): Promise<void> {
  try {
    await announceRole(database, role, call.common)
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    call.context.stderr.write(`not announced: ${error.message}\n`)
  }
}

async function runHook(
  { context }: Call,
  command: string,
  { uri, generation }: { uri: string; generation: number },
): Promise<void> {
  const child = spawn(command, {
    shell: true,
    cwd: context.cwd,
    env: { ...context.env, RSERV_MASTER_URI: uri, RSERV_GENERATION: String(generation) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // What it says is not the result.
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => context.stderr.write(chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) context.stderr.write(`the hook ended with code ${code}; the roles are changed all the same\n`)
}
