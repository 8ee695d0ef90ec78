import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { RservError } from '@rserv/core'
import type { startServer } from '@rserv/embedded'
import type { ClientConfig } from 'pg'
import type { Call } from '../command.ts'
import { resolveDatabase } from '../connection/resolve.ts'
import { flag, number, text } from '../values.ts'

/** Where the demonstration runs. */
export interface DemoServer {
  readonly description: string
  config(database: string): ClientConfig
  /** What commands for the user to type have in front of `rserv`, and at their end. */
  readonly prefix: string
  readonly options: string
  argument(database: string): string
  /** How to stop a server that goes on; null where it ends with the demonstration or is the user's own. */
  readonly stopHint: string | null
  readonly goesOn: boolean
  stop(): Promise<void>
}

/** The user's server when one is named, else an embedded one. */
export async function demoServer(call: Call, databases: readonly [string, string]): Promise<DemoServer> {
  const { options, context } = call
  const named = text(options, 'host') ?? text(options, 'user') ?? text(options, 'port') ?? context.env['PGHOST']
  return named === undefined ? embedded(call, databases) : own(call)
}

async function own({ options, context }: Call): Promise<DemoServer> {
  const flags = {
    host: text(options, 'host'),
    port: text(options, 'port'),
    user: text(options, 'user'),
    password: text(options, 'password'),
  }
  const config = await resolveDatabase('postgres', definedOnly(flags), context.env)
  const typed = (['host', 'port', 'user'] as const).flatMap((name) =>
    flags[name] ? [` --${name} ${flags[name]}`] : [],
  )
  return {
    description: `the server at ${config.host}:${config.port}`,
    config: (database) => ({ ...config, database }),
    prefix: '',
    options: typed.join(''),
    argument: (database) => database,
    stopHint: null,
    goesOn: true,
    stop: async () => undefined,
  }
}

function definedOnly(flags: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(flags).filter((entry): entry is [string, string] => entry[1] !== undefined))
}

async function embedded({ options, context }: Call, databases: readonly [string, string]): Promise<DemoServer> {
  const loaded = await loadEmbedded()
  const keep = flag(options, 'keep')
  const server = await loaded
    .startServer({ major: number(options, 'major'), dir: text(options, 'dir'), keep })
    .catch((error: unknown) => {
      throw new RservError('CONNECT', (error as Error).message, {
        hint: (error as { hint?: string }).hint,
        cause: error,
      })
    })
  const services = join(server.folder, 'pg_service.conf')
  const lines = databases.map(
    (name) =>
      `[${name}]\nhost=${server.host}\nport=${server.port}\nuser=${server.user}\npassword=${server.password}\ndbname=${name}\n`,
  )
  await writeFile(services, lines.join('\n'), { mode: 0o600 })
  context.signal.addEventListener('abort', () => void server.stop())
  return {
    description: `an embedded PostgreSQL ${server.major} in ${server.folder}, port ${server.port}`,
    config: (database) => server.config(database),
    prefix: `PGSERVICEFILE=${services} `,
    options: '',
    argument: (database) => `service=${database}`,
    stopHint: keep ? `Stop the server with: kill ${server.pid}` : null,
    goesOn: keep,
    stop: () => (keep ? Promise.resolve() : server.stop()),
  }
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
