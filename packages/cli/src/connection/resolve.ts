import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { ClientConfig } from 'pg'
import { UsageError } from '../errors.ts'
import type { Environment, Parameters } from './parameters.ts'
import { fromEnvironment, toEnvironment } from './parameters.ts'
import { parseDatabase } from './parse.ts'
import { passwordFromFile } from './pass-file.ts'
import { readService } from './service-file.ts'
import { tlsOptions } from './tls.ts'

const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp']

export interface ResolveContext {
  readonly env: Environment
  /** Told what the user should know, e.g. that a password file is not used. */
  readonly warn?: (message: string) => void
}

/**
 * The driver's configuration for a database as typed. What the text leaves out comes from the options, then from its
 * service, then from the PG* variables, then from libpq's defaults; a missing password from ~/.pgpass.
 * @param options connection parameters from flags such as --host
 * @throws UsageError
 */
export async function resolveDatabase(
  text: string,
  options: Parameters,
  { env, warn = () => undefined }: ResolveContext,
): Promise<ClientConfig> {
  const given = gather(text, options, env)
  const port = portOf(given['port'] ?? '5432')
  const user = given['user'] ?? userInfo().username
  const dbname = given['dbname'] ?? user
  const named = oneHost(given['host'] ?? defaultHost(port))
  const host = given['hostaddr'] ?? named
  const password =
    given['password'] ?? passwordFromFile({ host: named, port, user, dbname }, { parameters: given, env, warn })
  return {
    host,
    port,
    user,
    database: dbname,
    ssl: await tlsOptions(given, { host, port }, env),
    application_name: given['application_name'] ?? 'rserv',
    ...(password === undefined ? {} : { password }),
    ...extras(given),
  }
}

/**
 * The environment in which PostgreSQL's own programs connect to a database as typed: the process's own, with libpq's
 * variables for what the text, the options and the service say.
 * @throws UsageError
 */
export function libpqEnvironment(text: string, options: Parameters, { env }: ResolveContext): Environment {
  const { service: _, ...given } = gather(text, options, env)
  return { ...env, PGSERVICE: undefined, ...toEnvironment({ ...given, application_name: 'rserv' }) }
}

function extras(given: Parameters): ClientConfig {
  return {
    ...(given['options'] ? { options: given['options'] } : {}),
    ...(given['channel_binding'] === 'require' ? { enableChannelBinding: true } : {}),
    ...timeout(given['connect_timeout']),
  }
}

function gather(text: string, options: Parameters, env: Environment): Parameters {
  const typed = parseDatabase(text)
  const environment = fromEnvironment(env)
  const service = typed['service'] ?? environment['service']
  const fromService = service ? readService(service, env) : {}
  const flags = Object.entries(options).filter(([, value]) => value !== undefined && value !== '')
  return { ...environment, ...fromService, ...Object.fromEntries(flags), ...typed }
}

function portOf(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new UsageError(`not a port: ${text}`, 'A port is a number from 1 to 65535.')
  }
  return port
}

function oneHost(host: string): string {
  if (!host.includes(',')) return host
  throw new UsageError(`several hosts: ${host}`, 'Give one: rserv must know which server it works on.')
}

/** libpq's: 0 waits for ever. The driver counts milliseconds. */
function timeout(seconds: string | undefined): { connectionTimeoutMillis?: number } {
  if (seconds === undefined) return {}
  if (!/^-?\d+$/.test(seconds)) {
    throw new UsageError(`not a connect_timeout: ${seconds}`, 'It is a whole number of seconds; 0 waits for ever.')
  }
  return { connectionTimeoutMillis: Math.max(0, Number(seconds)) * 1000 }
}

/** libpq takes the Unix socket where no host is named. */
function defaultHost(port: number): string {
  return SOCKET_FOLDERS.find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost'
}
