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

/** Stands in for a host where the URI has a user but no host, which URL refuses and libpq does not. */
const NO_HOST = 'no-host.invalid'

function parseUri(text: string): Parameters {
  const url = readUrl(text.replace(/^([a-z]+:\/\/[^/?#]*@)(?=$|[/?:])/, `$1${NO_HOST}`))
  const parameters = parseQuery(url.search)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const parts = {
    host: host === NO_HOST ? '' : host,
    port: url.port,
    user: url.username,
    password: url.password,
    dbname: url.pathname.slice(1),
  }
  for (const [name, value] of Object.entries(parts)) if (value) parameters[name] = decode(value)
  return parameters
}

function readUrl(text: string): URL {
  try {
    return new URL(text)
  } catch {
    throw new UsageError(
      'the database URI cannot be read',
      'Write postgres://USER@HOST:PORT/DATABASE with one host, and odd characters percent-encoded.',
    )
  }
}

/** Not URLSearchParams, which takes a plus sign for a space. */
function parseQuery(search: string): Parameters {
  const parameters: Parameters = {}
  for (const pair of search.slice(1).split('&').filter(Boolean)) {
    const equals = pair.indexOf('=')
    if (equals < 1)
      throw new UsageError('a parameter of the database URI has no value', 'Write ?name=value&name=value.')
    const [name, value] = [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
    // JDBC's way, which libpq takes too.
    if (name === 'ssl' && value === 'true') parameters['sslmode'] = 'require'
    else parameters[name] = value
  }
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
  const pair = /\s*([A-Za-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s\\']|\\.)(?:[^\s\\]|\\.)*|))(?=\s|$)\s*/sy
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
