import type { ClientConfig } from 'pg'
import { parseDatabase } from '../connection/parse.ts'
import type { Parameters } from '../connection/parameters.ts'

/**
 * A database as a libpq string for a file: complete, so that it means the same in another environment, and without the
 * password.
 * @param text as typed
 * @param flags from --host and the like
 * @param resolved what it came to; a service stays a service
 */
export function withoutPassword(text: string, flags: Parameters, resolved: ClientConfig): string {
  const { password: _, ...typed } = { ...flags, ...parseDatabase(text) }
  const { host, port, user, database } = resolved
  const parameters: Parameters =
    typed['service'] === undefined ? { host, port: String(port), dbname: database, user, ...typed } : typed
  return Object.entries(parameters)
    .flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name}=${quoted(value)}`]))
    .join(' ')
}

function quoted(value: string): string {
  return /^[^\s'\\]+$/.test(value) ? value : `'${value.replaceAll(/['\\]/g, '\\$&')}'`
}
