import { UsageError } from '../errors.ts'
import type { Parameters } from './parameters.ts'
import { checkParameters } from './parameters.ts'

/**
 * Reads a database as libpq's programs do: a URI, a `key=value …` string, or a name.
 * @throws UsageError
 */
export function parseDatabase(text: string): Parameters {
  if (/^postgres(ql)?:\/\//.test(text)) return checkParameters(parseUri(text), 'the URI')
  if (text.includes('=')) return checkParameters(parseKeywords(text), 'the connection string')
  if (text === '') throw new UsageError('an empty database name', 'Give a name, a postgres:// URI or a libpq string.')
  return { dbname: text }
}

function parseUri(text: string): Parameters {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw new UsageError(
      'the database URI cannot be read',
      'Write postgres://USER@HOST:PORT/DATABASE, odd characters percent-encoded.',
    )
  }
  const parameters: Parameters = {}
  for (const [name, value] of url.searchParams) parameters[name] = value
  const parts = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port,
    user: url.username,
    password: url.password,
    dbname: url.pathname.slice(1),
  }
  for (const [name, value] of Object.entries(parts)) if (value) parameters[name] = decode(value)
  return parameters
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new UsageError(
      'a percent sign in the database URI is not followed by two hexadecimal digits',
      'Write % as %25.',
    )
  }
}

/** `key = value` pairs; a value with spaces stands in single quotes, a backslash protects the next character. */
function parseKeywords(text: string): Parameters {
  const parameters: Parameters = {}
  const pair = /\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\']|\\.)*))(?=\s|$)\s*/sy
  while (pair.lastIndex < text.length) {
    const start = pair.lastIndex
    const match = pair.exec(text)
    if (!match?.[1]) {
      throw new UsageError(
        `the connection string cannot be read from character ${start + 1}`,
        `Write key=value pairs; quote values: dbname='my db'`,
      )
    }
    parameters[match[1]] = (match[2] ?? match[3] ?? '').replace(/\\(.)/gs, '$1')
  }
  return parameters
}
