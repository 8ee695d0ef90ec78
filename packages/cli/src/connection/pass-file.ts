import { readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment, Parameters } from './parameters.ts'

/**
 * The password for a connection from the `passfile` parameter, PGPASSFILE or ~/.pgpass, by libpq's rules; undefined
 * where none fits. A file that others may read is disregarded, and `warn` is told.
 */
export function passwordFromFile(
  target: { host: string; port: number; dbname: string; user: string },
  { parameters, env, warn }: { parameters: Parameters; env: Environment; warn: (message: string) => void },
): string | undefined {
  const file = parameters['passfile'] ?? defaultFile(env)
  const text = readPrivate(file, warn)
  if (text === undefined) return undefined
  // libpq looks a Unix socket in the default folder up as localhost.
  const host = target.host.startsWith('/') && parameters['host'] === undefined ? 'localhost' : target.host
  const wanted = [host, String(target.port), target.dbname, target.user]
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const fields = splitLine(line)
    if (fields.length < 5) continue
    if (wanted.every((value, field) => fields[field] === '*' || unescape(fields[field]) === value)) {
      return unescape(fields[4])
    }
  }
  return undefined
}

function defaultFile(env: Environment): string {
  const appData = env['APPDATA']
  if (process.platform === 'win32' && appData) return join(appData, 'postgresql', 'pgpass.conf')
  return join(env['HOME'] ?? homedir(), '.pgpass')
}

function readPrivate(file: string, warn: (message: string) => void): string | undefined {
  try {
    const { mode } = statSync(file)
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      warn(`password file ${file} is open to group or others and is not used; chmod 0600 it`)
      return undefined
    }
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Splits at colons that no backslash protects. */
function splitLine(line: string): string[] {
  return line.match(/(?:^|:)(?:[^\\:]|\\.?)*/g)?.map((field, index) => (index === 0 ? field : field.slice(1))) ?? []
}

function unescape(field: string | undefined): string {
  return (field ?? '').replace(/\\(.)/g, '$1')
}
