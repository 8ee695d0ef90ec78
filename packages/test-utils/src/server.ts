import { startServer } from '@rserv/embedded'
import type { ClientConfig } from 'pg'
import { parseUri } from './uri.ts'

/** The server that tests use; its role is a superuser. */
export interface TestServer {
  readonly config: ClientConfig
  stop(): Promise<void>
}

/** Settings that make tests quick; a crash of the machine may lose them, a crash of the server may not. */
export const TEST_SETTINGS: Record<string, string> = {
  fsync: 'off',
  max_connections: '200',
  max_prepared_transactions: '20',
  shared_buffers: '128MB',
  max_wal_size: '4GB',
}

/** PostgreSQL's major version under test: RSERV_TEST_PG, default 18. */
export function testMajor(): number {
  return Number(process.env['RSERV_TEST_PG'] ?? '18')
}

/**
 * The first of: RSERV_TEST_DATABASE_URL (a server of one's own), RSERV_TEST_IMAGE (a container, where an engine
 * answers), each of these for all workers; else an embedded server of version RSERV_TEST_PG for each worker.
 */
export async function testServers(workers: number): Promise<TestServer[]> {
  const uri = process.env['RSERV_TEST_DATABASE_URL']
  if (uri) return [{ config: parseUri(uri), stop: async () => undefined }]
  const image = process.env['RSERV_TEST_IMAGE']
  if (image) {
    const { startContainer } = await import('./container.ts')
    return [await startContainer(image)]
  }
  return Promise.all(Array.from({ length: workers }, () => serverOfMajor(testMajor())))
}

/** An embedded server of a major version of its own, for tests between versions. */
export async function serverOfMajor(major: number): Promise<TestServer & AsyncDisposable> {
  const server = await startServer({ major, settings: TEST_SETTINGS })
  return { config: server.config(), stop: () => server.stop(), [Symbol.asyncDispose]: () => server.stop() }
}
