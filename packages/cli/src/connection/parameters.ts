import { UsageError } from '../errors.ts'

/** libpq's connection parameters that rserv knows, and the environment variable of each. */
const KNOWN: Record<string, string> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  service: 'PGSERVICE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  channel_binding: 'PGCHANNELBINDING',
  application_name: 'PGAPPNAME',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  options: 'PGOPTIONS',
}

/** Parameters of libpq that change nothing here. */
const IGNORED = new Set([
  'client_encoding',
  'fallback_application_name',
  'gssencmode',
  'keepalives',
  'keepalives_count',
  'keepalives_idle',
  'keepalives_interval',
  'load_balance_hosts',
  'sslcompression',
  'sslsni',
  'target_session_attrs',
  'tcp_user_timeout',
])

export type Parameters = Partial<Record<string, string>>

export type Environment = Readonly<Record<string, string | undefined>>

/** Keeps what matters. @throws UsageError for a parameter that would be disregarded in silence */
export function checkParameters(parameters: Parameters, where: string): Parameters {
  const kept: Parameters = {}
  for (const [name, value] of Object.entries(parameters)) {
    if (IGNORED.has(name)) continue
    if (!Object.hasOwn(KNOWN, name)) {
      throw new UsageError(
        `unknown connection parameter ${name} in ${where}`,
        `Known are: ${Object.keys(KNOWN).join(', ')}`,
      )
    }
    if (value !== undefined && value !== '') kept[name] = value
  }
  return kept
}

/** What the PG* environment variables say. */
export function fromEnvironment(env: Environment): Parameters {
  const found: Parameters = {}
  for (const [name, variable] of Object.entries(KNOWN)) {
    const value = env[variable]
    if (value) found[name] = value
  }
  return found
}

/** The PG* environment variables that say the same; others are unset. */
export function toEnvironment(parameters: Parameters): Environment {
  return Object.fromEntries(Object.entries(KNOWN).map(([name, variable]) => [variable, parameters[name]]))
}
