import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { RservError } from '@rserv/core'
import type { Server, startServer } from '@rserv/embedded'
import type { ClientConfig } from 'pg'
import type { Call } from '../command.ts'
import { shellQuote } from '../shell-quote.ts'
import { flag, text, whole } from '../values.ts'

/** Where the demonstration runs. */
export interface DemoServer {
  readonly description: string
  config(database: string): ClientConfig
  /** A command line that the user can type, or null when the server ends with the demonstration. */
  readonly commandLine: ((command: string, databases: readonly string[], rest?: string) => string) | null
  /** How to stop a server that goes on; null where it ends with the demonstration or is the user's own. */
  readonly stopHint: string | null
  /** Ends what the demonstration started; after a success not what --keep keeps. */
  stop(succeeded: boolean): Promise<void>
}

/** The user's server when one is named, else an embedded one. */
export async function demoServer(call: Call, databases: readonly [string, string]): Promise<DemoServer> {
  const { options, context } = call
  const named = text(options, 'host') ?? text(options, 'user') ?? text(options, 'port') ?? context.env['PGHOST']
  return named === undefined ? embedded(call, databases) : own(call)
}

async function own({ options, database }: Call): Promise<DemoServer> {
  const config = await database('dbname=postgres')
  const typed = (['host', 'port', 'user'] as const).flatMap((name) => {
    const value = text(options, name)
    return value === undefined ? [] : [`--${name} ${shellQuote(value)}`]
  })
  // Never the password itself.
  const prefix = text(options, 'password') === undefined ? '' : 'PGPASSWORD=... '
  return {
    description: `the server at ${config.host}:${config.port}`,
    config: (name) => ({ ...config, database: name }),
    commandLine: (command, databases, rest = '') =>
      `${prefix}${['npx rserv', command, ...databases.map(argument), ...typed, rest].filter(Boolean).join(' ')}`,
    stopHint: null,
    stop: async () => undefined,
  }
}

/** A database's name as an argument: one that looks like a connection string is put into one. */
function argument(name: string): string {
  return shellQuote(/=|:\/\//.test(name) ? `dbname=${libpqQuote(name)}` : name)
}

function libpqQuote(value: string): string {
  if (/^[\w.-]+$/.test(value)) return value
  return `'${value.replace(/[\\']/g, '\\$&')}'`
}

async function embedded({ options, context }: Call, databases: readonly [string, string]): Promise<DemoServer> {
  const { startServer } = await loadEmbedded()
  const keep = flag(options, 'keep')
  const [major, dir] = [whole(options, 'major'), text(options, 'dir')]
  const server = await startServer({ major, dir: dir && resolve(context.cwd, dir), keep }).catch((error: unknown) => {
    throw new RservError('CONNECT', (error as Error).message, {
      hint: (error as { hint?: string }).hint,
      cause: error,
    })
  })
  // A statement under way ends with the server.
  context.signal.addEventListener('abort', () => void server.stop())
  const services = join(server.folder, 'pg_service.conf')
  if (keep) await writeFile(services, databases.map((name) => service(name, server)).join('\n'), { mode: 0o600 })
  const leftover = dir === undefined ? ` && rm -r ${shellQuote(server.folder)}` : ''
  return {
    description: `an embedded PostgreSQL ${server.major} in ${server.folder}, port ${server.port}`,
    config: (database) => server.config(database),
    commandLine: keep
      ? (command, names, rest = '') => {
          const targets = names.map((name) => shellQuote(`service=${libpqQuote(name)}`))
          return [`PGSERVICEFILE=${shellQuote(services)} npx rserv`, command, ...targets, rest]
            .filter(Boolean)
            .join(' ')
        }
      : null,
    stopHint: keep ? `The server goes on. Stop it with: kill ${server.pid}${leftover}` : null,
    stop: (succeeded) => (keep && succeeded ? Promise.resolve() : server.stop()),
  }
}

function service(name: string, { host, port, user, password }: Server): string {
  return `[${name}]\nhost=${host}\nport=${port}\nuser=${user}\npassword=${password}\ndbname=${name}\n`
}

async function loadEmbedded(): Promise<{ startServer: typeof startServer }> {
  try {
    return await import('@rserv/embedded')
  } catch (error) {
    throw new RservError('BAD_ARGUMENT', 'the demonstration has no server', {
      hint: 'Name one of yours (rserv demo --host NAME --user NAME), or npm install @rserv/embedded for one in a temporary folder.',
      cause: error,
    })
  }
}
