import type { Server } from '@rserv/embedded'
import pg from 'pg'

/** A database that lives as long as one measurement, or longer as a template. */
export class Database implements AsyncDisposable {
  readonly server: Server
  readonly name: string
  readonly client: pg.Client

  private constructor(server: Server, name: string, client: pg.Client) {
    this.server = server
    this.name = name
    this.client = client
  }

  static async create(server: Server, name: string, template?: string): Promise<Database> {
    // Copying the files spares the log: nothing here must outlive a crash.
    const copy = template ? `template ${template}${server.major >= 15 ? ' strategy file_copy' : ''}` : ''
    await onServer(server, `drop database if exists ${name} with (force)`)
    await onServer(server, `create database ${name} ${copy}`)
    const client = new pg.Client({ ...server.config(name), application_name: 'bench' })
    client.on('error', () => undefined)
    await client.connect()
    return new Database(server, name, client)
  }

  get config(): pg.ClientConfig {
    return this.server.config(this.name)
  }

  /** Connection string for the server's own use. */
  get conninfo(): string {
    const { host, port, user, password } = this.server
    return `host=${host} port=${port} user=${user} password=${password} dbname=${this.name}`
  }

  async run(sql: string): Promise<void> {
    await this.client.query(sql)
  }

  /** The first column of the first row. */
  async value(sql: string, parameters: unknown[] = []): Promise<string> {
    const { rows } = await this.client.query({ text: sql, values: parameters, rowMode: 'array' })
    return String((rows[0] as unknown[] | undefined)?.[0])
  }

  async close(): Promise<void> {
    await this.client.end().catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
    await onServer(this.server, `drop database if exists ${this.name} with (force)`)
  }
}

async function onServer(server: Server, sql: string): Promise<void> {
  const client = new pg.Client(server.config())
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
