import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly stdoutBytes: Buffer
}

export interface CliOptions {
  /** Environment on top of a bare one without PG* variables. */
  env?: Record<string, string>
  input?: Buffer | string
  cwd?: string
  /** Historic executable, e.g. `MasterInit`; default `rserv`. */
  program?: string
  signal?: AbortSignal
}

const BIN = fileURLToPath(new URL('../../cli/bin/', import.meta.url))

/** Runs the command line as a user does, in a process of its own. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const file = join(BIN, `${options.program ?? 'rserv'}.js`)
  if (!existsSync(file)) throw new Error(`no executable ${options.program ?? 'rserv'} in packages/cli/bin`)
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')))
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...env, ...options.env },
    cwd: options.cwd,
    signal: options.signal,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  const [stdoutBytes, stderr] = [collect(child.stdout), collect(child.stderr)]
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const out = await stdoutBytes
  return { code, stdout: out.toString('utf8'), stderr: (await stderr).toString('utf8'), stdoutBytes: out }
}

async function collect(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
