import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Service } from '@rserv/service'
import type { WebServer } from '@rserv/web'
import { pageParts, startWeb } from '@rserv/web'
import type { Config } from '../config/schema.ts'
import { UsageError } from '../errors.ts'

export interface Serving {
  readonly listen: string
  readonly tokenFile?: string | undefined
  /** Relative paths begin there. */
  readonly folder: string
  readonly hide: (text: string) => string
  /** Told of an error that a request met. */
  readonly onError: (error: unknown) => void
}

/** Starts the web server beside a service. @throws UsageError, RservError BAD_ARGUMENT */
export async function serve(
  service: Service,
  { listen, tokenFile, folder, hide, onError }: Serving,
): Promise<WebServer> {
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(listen) ?? []
  if (port === '' || Number(port) > 65_535) {
    throw new UsageError(`cannot listen on ${listen}`, 'Give HOST:PORT, for example 127.0.0.1:8432.')
  }
  const token = tokenFile === undefined ? undefined : await readToken(resolve(folder, tokenFile))
  return startWeb(service, pageParts(), {
    host: host === '' ? undefined : host,
    port: Number(port),
    token,
    hide,
    onError,
  })
}

async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`the token cannot be read: ${error.message}`, 'Make one with: openssl rand -hex 24')
  })
  return text.split('\n', 1)[0]?.trim() ?? ''
}

/** Is it the same server in both configurations? */
export function sameServing(a: Config['http'], b: Config['http']): boolean {
  return a?.listen === b?.listen && a?.tokenFile === b?.tokenFile
}
