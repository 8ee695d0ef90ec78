import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Call } from '../command.ts'
import { UsageError } from '../errors.ts'
import { text } from '../values.ts'

const MAKE_ONE = 'Make one with: openssl rand -hex 24'

/**
 * The token of --token-file, else of the configuration's file, else of RSERV_TOKEN; undefined where there is none.
 * @throws UsageError
 */
export function givenToken({ options, context }: Call, configuredFile?: string): string | undefined {
  const file = text(options, 'tokenFile') ?? configuredFile
  const token = file === undefined ? context.env['RSERV_TOKEN'] : readToken(resolve(context.cwd, file))
  return token === undefined || token === '' ? undefined : token
}

/** One that nobody guesses. */
export function newToken(): string {
  return randomBytes(24).toString('base64url')
}

function readToken(file: string): string {
  try {
    const token = (readFileSync(file, 'utf8').split('\n', 1)[0] ?? '').trim()
    if (token !== '') return token
  } catch (error) {
    throw new UsageError(`the token's file ${file} cannot be read: ${(error as Error).message}`, MAKE_ONE)
  }
  throw new UsageError(`the token's file ${file} has an empty first line`, MAKE_ONE)
}
