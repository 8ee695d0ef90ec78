import { existsSync } from 'node:fs'
import { userInfo } from 'node:os'
import type { ClientConfig } from 'pg'
import { UsageError } from '../errors.ts'
import type { Parameters } from './parameters.ts'
import { fromEnvironment } from './parameters.ts'
import { parseDatabase } from './parse.ts'
import { readService } from './service-file.ts'
import { tlsOptions } from './tls.ts'

type Env = Readonly<Record<string, string | undefined>>

const SOCKET_FOLDERS = ['/var/run/postgresql', '/tmp']

/**
 * The driver's configuration for a database as typed. What the text leaves out comes from the options, then from its
 * service, then from the PG* variables, then from libpq's defaults; a missing password from ~/.pgpass by the driver.
 * @param options connection parameters from flags such as --host
 * @throws UsageError
 */
export async function resolveDatabase(text: string, options: Parameters, env: Env): Promise<ClientConfig> {
  const typed = parseDatabase(text)
  const environment = fromEnvironment(env)
  const service = typed['service'] ?? environment['service']
  const given: Parameters = {
    ...environment,
    ...(service ? readService(service, env) : {}),
    ...clean(options),
    ...typed,
  }
  const port = portOf(given['port'] ?? '5432')
  const user = given['user'] ?? userInfo().username
  const host = given['hostaddr'] ?? given['host'] ?? defaultHost(port)
  const config: ClientConfig = {
    host,
    port,
    user,
    database: given['dbname'] ?? user,
    ssl: await tlsOptions(given, host, port),
    application_name: given['application_name'] ?? 'rserv',
  }
  if (given['password']) config.password = given['password']
  if (given['options']) config.options = given['options']
  if (given['connect_timeout']) config.connectionTimeoutMillis = Number(given['connect_timeout']) * 1000
  return config
}

function clean(options: Parameters): Parameters {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== ''))
}

function portOf(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError(`not a port: ${text}`, 'A port is a number from 1 to 65535.')
  }
  return port
}

/** libpq takes the Unix socket where no host is named. */
function defaultHost(port: number): string {
  return SOCKET_FOLDERS.find((folder) => existsSync(`${folder}/.s.PGSQL.${port}`)) ?? 'localhost'
}
