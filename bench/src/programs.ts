import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Database } from './database.ts'

const DEBIAN = '/usr/lib/postgresql'

/** A program of PostgreSQL: beside the servers, on the PATH, or installed by Debian; undefined where there is none. */
export function findProgram(name: string, pgBin?: string): string | undefined {
  const installed = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .toSorted((a, b) => Number(b) - Number(a))
        .map((major) => join(DEBIAN, major, 'bin'))
    : []
  const folders = [...(pgBin ? [pgBin] : []), ...installed, ...(process.env['PATH'] ?? '').split(delimiter)]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** libpq's environment for a database. */
export function libpq(database: Database): Record<string, string> {
  const { host, port, user, password } = database.server
  return { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database.name }
}

/** Runs a program to its end and returns what it wrote. @throws Error with its messages when it fails */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
  cwd?: string,
): Promise<string> {
  const child = spawn(program, [...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let messages = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (messages += chunk.toString()))
  const code = await new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${messages}`)
  return out
}
