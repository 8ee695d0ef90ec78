import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { UsageError } from '../errors.ts'
import type { Environment, Parameters } from './parameters.ts'

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

/** libpq's SSLRequest message. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

/** Milliseconds to wait for the answer to it. */
const ANSWER_TIMEOUT = 10_000

/**
 * The driver's TLS options for libpq's sslmode, default `prefer`: TLS where the server has it. `allow` is taken as
 * `prefer`. Certificates lie in ~/.postgresql where the parameters name none.
 * @throws UsageError
 */
export async function tlsOptions(
  parameters: Parameters,
  { host, port }: { host: string; port: number },
  env: Environment,
): Promise<false | ConnectionOptions> {
  const mode = sslMode(parameters)
  if (host.startsWith('/') || mode === 'disable') return false
  if ((mode === 'prefer' || mode === 'allow') && !(await serverHasTls(host, port))) return false
  const options: ConnectionOptions = certificates(parameters, env)
  // With an address to connect to, the certificate is still the host's.
  if (parameters['hostaddr'] && parameters['host']) options.servername = parameters['host']
  return { ...options, ...verification(mode, options) }
}

function sslMode(parameters: Parameters): string {
  const system = parameters['sslrootcert'] === 'system'
  const mode = parameters['sslmode'] ?? (system ? 'verify-full' : 'prefer')
  if (!MODES.includes(mode)) throw new UsageError(`unknown sslmode ${mode}`, `One of: ${MODES.join(', ')}`)
  if (system && mode !== 'verify-full') {
    throw new UsageError(`sslmode ${mode} is too weak for sslrootcert=system`, 'Use sslmode=verify-full.')
  }
  return mode
}

function verification(mode: string, { ca }: ConnectionOptions): ConnectionOptions {
  if (mode === 'verify-full') return {}
  if (mode === 'verify-ca' || (mode === 'require' && ca)) return { checkServerIdentity: () => undefined }
  return { rejectUnauthorized: false }
}

function certificates(parameters: Parameters, env: Environment): ConnectionOptions {
  const folder = join(env['HOME'] ?? homedir(), '.postgresql')
  const pick = (name: string, file: string): Buffer | undefined => {
    const named = parameters[name]
    if (named) return read(named, name)
    return existsSync(join(folder, file)) ? read(join(folder, file), name) : undefined
  }
  const ca = parameters['sslrootcert'] === 'system' ? undefined : pick('sslrootcert', 'root.crt')
  const cert = pick('sslcert', 'postgresql.crt')
  const key = pick('sslkey', 'postgresql.key')
  return { ...(ca ? { ca } : {}), ...(cert && key ? { cert, key } : {}) }
}

function read(file: string, parameter: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageError(
      `${parameter} ${file} cannot be read: ${(error as Error).message}`,
      'Check the path and its rights.',
    )
  }
}

/** Asks the server; one that cannot be reached has none, and the real connection will say why. */
function serverHasTls(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWER_TIMEOUT })
    const done = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => socket.write(SSL_REQUEST))
    socket.once('data', (data) => done(data[0] === 'S'.charCodeAt(0)))
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => done(false))
  })
}
