import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { TestServer } from './server.ts'

const START_SECONDS = 60

/**
 * Starts a server from a container image that behaves as the official `postgres` ones do: POSTGRES_PASSWORD, port
 * 5432. Needs a container engine that testcontainers finds (DOCKER_HOST).
 */
export async function startContainer(image: string): Promise<TestServer> {
  const { GenericContainer } = await import('testcontainers')
  const password = randomBytes(18).toString('base64url')
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_PASSWORD: password })
    .withExposedPorts(5432)
    // Some engines may not raise the limits to the defaults.
    .withUlimits({ nofile: { soft: 1024, hard: 4096 } })
    .withCommand(['postgres', '-c', 'fsync=off', '-c', 'max_connections=200', '-c', 'max_prepared_transactions=20'])
    .start()
  const config = {
    host: container.getHost(),
    port: container.getMappedPort(5432),
    user: 'postgres',
    password,
    database: 'postgres',
  }
  await untilReady(config)
  return { config, stop: async () => void (await container.stop()) }
}

async function untilReady(config: pg.ClientConfig): Promise<void> {
  for (let tries = 1; ; tries++) {
    const client = new pg.Client(config)
    try {
      await client.connect()
      await client.query('select 1')
      return
    } catch (error) {
      if (tries >= START_SECONDS * 4) throw error
      await sleep(250)
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}
