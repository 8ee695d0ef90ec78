import { randomBytes } from 'node:crypto'
import pg from 'pg'

export interface DatabaseOptions {
  /** Text in front of the random name, for finding it in a server's log. */
  label?: string
  encoding?: string
  template?: string
  /** A server other than the shared one. */
  server?: pg.ClientConfig
}

/** A database of its own for a test; disposed of with everything in it. */
export interface TestDatabase extends AsyncDisposable {
  readonly name: string
  readonly config: pg.ClientConfig
  /** postgres:// URI with the password. */
  readonly uri: string
  /** A client that is open as long as the database is. */
  readonly client: pg.Client
  query<R extends pg.QueryResultRow = Record<string, unknown>>(sql: string, parameters?: unknown[]): Promise<R[]>
  /** One more connection, closed with the database. */
  connect(config?: pg.ClientConfig): Promise<pg.Client>
  /** Opens `client` anew, after its server was stopped and started. */
  reconnect(): Promise<void>
}

/** The server that this worker's tests share, as a superuser on database `postgres`. */
export function sharedServer(): pg.ClientConfig {
  const servers = JSON.parse(process.env['RSERV_TEST_SERVERS'] ?? '[]') as pg.ClientConfig[]
  // Vitest numbers workers that run at once from 1.
  const config = servers[(Number(process.env['VITEST_POOL_ID'] ?? '1') - 1) % servers.length]
  if (!config) throw new Error('no test server: is @rserv/test-utils/global-setup in vitest.config.ts?')
  return config
}

/** Runs statements on a server's database `postgres`. */
export async function onServer<T>(server: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(server)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export async function createDatabase(options: DatabaseOptions = {}): Promise<TestDatabase> {
  const server = options.server ?? sharedServer()
  const name = `rserv_test_${options.label ?? 'db'}_${randomBytes(5).toString('hex')}`
  const template = options.template ?? (options.encoding ? 'template0' : undefined)
  const clauses = [
    ...(template ? [`template "${template}"`] : []),
    ...(options.encoding ? [`encoding '${options.encoding}' locale 'C'`] : []),
  ]
  await onServer(server, (client) => client.query(`create database "${name}" ${clauses.join(' ')}`))
  const config = { ...server, database: name }
  const clients: pg.Client[] = []
  const connect = async (other: pg.ClientConfig = {}): Promise<pg.Client> => {
    const client = new pg.Client({ ...config, ...other })
    client.on('error', () => undefined)
    await client.connect()
    clients.push(client)
    return client
  }
  let client = await connect()
  return {
    name,
    config,
    uri: uriOf(config),
    get client() {
      return client
    },
    connect,
    async reconnect() {
      client = await connect()
    },
    query: async <R extends pg.QueryResultRow>(sql: string, parameters?: unknown[]) =>
      (await client.query<R>(sql, parameters)).rows,
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((open) => open.end().catch(() => undefined)))
      await onServer(server, (admin) => admin.query(`drop database if exists "${name}" with (force)`))
    },
  }
}

export function uriOf(config: pg.ClientConfig): string {
  const password =
    typeof config.password === 'string' && config.password ? `:${encodeURIComponent(config.password)}` : ''
  const user = encodeURIComponent(config.user ?? '')
  return `postgres://${user}${password}@${config.host}:${config.port}/${encodeURIComponent(config.database ?? '')}`
}

/** A role with a password, dropped with what it owns in the given databases. */
export async function createRole(
  attributes: string,
  databases: readonly TestDatabase[] = [],
): Promise<{ name: string; password: string } & AsyncDisposable> {
  const name = `rserv_test_${randomBytes(5).toString('hex')}`
  const password = randomBytes(12).toString('base64url')
  await onServer(sharedServer(), (client) =>
    client.query(`create role "${name}" login password '${password}' ${attributes}`),
  )
  return {
    name,
    password,
    async [Symbol.asyncDispose]() {
      for (const database of databases) await database.query(`drop owned by "${name}" cascade`).catch(() => undefined)
      await onServer(sharedServer(), (client) => client.query(`drop role if exists "${name}"`)).catch(() => undefined)
    },
  }
}
