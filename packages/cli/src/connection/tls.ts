import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { UsageError } from '../errors.ts'
import type { Parameters } from './parameters.ts'

const MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']

const FILES = { sslrootcert: 'ca', sslcert: 'cert', sslkey: 'key' } as const

/** libpq's SSLRequest message. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])

/**
 * The driver's TLS options for libpq's sslmode, default `prefer`: TLS where the server has it.
 * @throws UsageError
 */
export async function tlsOptions(
  parameters: Parameters,
  host: string,
  port: number,
): Promise<boolean | ConnectionOptions> {
  const mode = parameters['sslmode'] ?? 'prefer'
  if (!MODES.includes(mode)) throw new UsageError(`unknown sslmode ${mode}`, `One of: ${MODES.join(', ')}`)
  if (host.startsWith('/') || mode === 'disable' || mode === 'allow') return false
  if (mode === 'prefer' && !(await serverHasTls(host, port))) return false
  const files = certificates(parameters)
  if (mode === 'verify-full') return files
  const verified = mode === 'verify-ca' || (mode === 'require' && files.ca !== undefined)
  return verified ? { ...files, checkServerIdentity: () => undefined } : { ...files, rejectUnauthorized: false }
}

function certificates(parameters: Parameters): ConnectionOptions {
  const files: ConnectionOptions = {}
  for (const [parameter, option] of Object.entries(FILES)) {
    const file = parameters[parameter]
    if (file) files[option] = read(file, parameter)
  }
  return files
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
    const socket = connect({ host, port, timeout: 10_000 })
    const done = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => socket.write(SSL_REQUEST))
    socket.once('data', (data) => done(data[0] === 'S'.charCodeAt(0)))
    for (const event of ['error', 'timeout', 'close']) socket.once(event, () => done(false))
  })
}
