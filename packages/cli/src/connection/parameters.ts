import { UsageError } from '../errors.ts'

/** libpq's connection parameters that rserv knows, and the environment variable of each. */
const KNOWN: Record<string, string | null> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  service: 'PGSERVICE',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  application_name: 'PGAPPNAME',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  options: 'PGOPTIONS',
}

/** Parameters of libpq that change nothing here. */
const IGNORED = new Set([
  'client_encoding',
  'fallback_application_name',
  'gssencmode',
  'channel_binding',
  'keepalives',
  'tcp_user_timeout',
  'target_session_attrs',
])

export type Parameters = Partial<Record<string, string>>

export function checkParameters(parameters: Parameters, where: string): Parameters {
  const kept: Parameters = {}
  for (const [name, value] of Object.entries(parameters)) {
    if (IGNORED.has(name)) continue
    if (!(name in KNOWN)) {
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
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Parameters {
  const found: Parameters = {}
  for (const [name, variable] of Object.entries(KNOWN)) {
    const value = variable ? env[variable] : undefined
    if (value) found[name] = value
  }
  return found
}
