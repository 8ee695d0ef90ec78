import type { ClientConfig } from 'pg'
import type { TestServer } from '../server.ts'
import { parseUri } from '../uri.ts'

/** Why tests that need the real engine are skipped, and what to do about it. */
export const WITHOUT_PLV8 = 'no PLV8 server here: set RSERV_TEST_PLV8_URL or RSERV_TEST_PLV8_IMAGE'

/**
 * A server that can CREATE EXTENSION plv8: RSERV_TEST_PLV8_URL, a superuser's, or a container of the image
 * RSERV_TEST_PLV8_IMAGE; undefined where neither is set. PLV8 is in no package that tests could install.
 */
export async function startPlv8Server(): Promise<TestServer | undefined> {
  const uri = process.env['RSERV_TEST_PLV8_URL']
  if (uri) return { config: parseUri(uri), stop: async () => undefined }
  const image = process.env['RSERV_TEST_PLV8_IMAGE']
  if (!image) return undefined
  const { startContainer } = await import('../container.ts')
  return startContainer(image)
}

/** The PLV8 server of this run, which the global setup started. */
export function sharedPlv8Server(): ClientConfig | undefined {
  const config = process.env['RSERV_TEST_PLV8_SERVER']
  return config === undefined ? undefined : (JSON.parse(config) as ClientConfig)
}
