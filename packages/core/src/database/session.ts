import type { Readable, Writable } from 'node:stream'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { Side } from '../shared/errors.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { Point } from '../shared/points.ts'
import { connectError, sqlError } from './server-errors.ts'

export type Row = Record<string, string | null>

/** Every value stays the text that the server sent: no parser of the driver may touch it. */
const TEXT_ONLY = { getTypeParser: () => (value: unknown) => value }

const OLDEST_SUPPORTED = 140_000

/** One connection to one side, with errors that know the side. */
export class Session implements AsyncDisposable {
  readonly client: pg.Client
  readonly side: Side
  readonly database: string
  /** `server_version_num`, e.g. 180004. */
  readonly version: number
  /** The role's own search_path, to be put back for statements that run the user's functions. */
  readonly searchPath: string
  readonly durableCommit: string
  #reading: Readable | undefined
  readonly #onEvent: CommonOptions['onEvent']

  constructor(client: pg.Client, side: Side, facts: Row, options: CommonOptions = {}) {
    this.client = client
    this.side = side
    this.#onEvent = options.onEvent
    this.database = facts['database'] ?? ''
    this.version = Number(facts['version'])
    this.searchPath = facts['search_path'] ?? ''
    this.durableCommit = facts['sync'] === 'remote_apply' ? 'remote_apply' : 'on'
  }

  /** Runs one statement; rows are objects of text values. */
  async query(sql: string, parameters?: readonly unknown[]): Promise<Row[]> {
    try {
      const result = await this.client.query<Row>(sql, parameters ? [...parameters] : undefined)
      return result.rows
    } catch (error) {
      throw sqlError(error, this.side)
    }
  }

  /** Runs one statement that returns at most one row. */
  async row(sql: string, parameters?: readonly unknown[]): Promise<Row | undefined> {
    const rows = await this.query(sql, parameters)
    return rows[0]
  }

  /** Runs one statement whose single value is JSON. */
  async json<T>(sql: string, parameters?: readonly unknown[]): Promise<T> {
    const row = await this.row(sql, parameters)
    const text = row ? Object.values(row)[0] : null
    return JSON.parse(text ?? 'null') as T
  }

  /** Runs a statement and tells how many rows it touched. */
  async run(sql: string, parameters?: readonly unknown[]): Promise<number> {
    try {
      const result = await this.client.query(sql, parameters ? [...parameters] : undefined)
      return result.rowCount ?? 0
    } catch (error) {
      throw sqlError(error, this.side)
    }
  }

  /** Sends several statements in one message, which saves round trips; returns the rows of each. */
  async batch(statements: readonly string[]): Promise<Row[][]> {
    try {
      const results = (await this.client.query(statements.join(';\n'))) as unknown
      return [results].flat().map((result) => (result as pg.QueryResult<Row>).rows)
    } catch (error) {
      throw sqlError(error, this.side)
    }
  }

  /** Starts a COPY … TO STDOUT; the stream's errors are the server's. */
  copyOut(sql: string): Readable & { rowCount: number } {
    const stream = this.client.query(copyTo(sql)) as unknown as Readable & { rowCount: number }
    // It may fail before anybody reads it, and would then end the process; whoever reads it later must meet the error.
    stream.on('error', (error: Error) => stream.destroy(error))
    this.#reading = stream
    return stream
  }

  /** Was a COPY … TO STDOUT left before its end? Then no statement gets through any more. */
  get cutShort(): boolean {
    return this.#reading !== undefined && !this.#reading.readableEnded
  }

  /** Starts a COPY … FROM STDIN; `rowCount` is set once the stream has finished. */
  copyIn(sql: string): Writable & { rowCount: number } {
    return this.client.query(copyFrom(sql)) as unknown as Writable & { rowCount: number }
  }

  /** Reports that a step is done. */
  reach(point: Point): void {
    this.#onEvent?.({ kind: 'debug', message: `${this.side} ${this.database}: ${point}`, point })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.end().catch(() => undefined)
  }
}

/** A timeout of the role's must not end it (case 124). */
const FACTS = `begin; set local statement_timeout = 0; select current_database() as database, current_setting('server_version_num') as version,
  current_setting('search_path') as search_path, current_setting('synchronous_commit') as sync,
  pg_catalog.pg_is_in_recovery() as standby; commit`

/**
 * Connects.
 * @throws RservError CONNECT, SERVER_TOO_OLD, STANDBY, CANCELLED
 */
/** A configuration, or what gives it anew for every connection: a password or an address may have changed (case 127). */
export type ConfigSource = pg.ClientConfig | (() => Promise<pg.ClientConfig>)

export async function currentConfig(source: ConfigSource): Promise<pg.ClientConfig> {
  return typeof source === 'function' ? source() : source
}

export async function openSession(config: pg.ClientConfig, side: Side, options: CommonOptions = {}): Promise<Session> {
  options.signal?.throwIfAborted()
  const client = new pg.Client({
    application_name: 'rserv',
    connectionTimeoutMillis: 30_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...config,
    types: TEXT_ONLY,
  })
  // Without a listener a connection that dies between two statements would end the process.
  client.on('error', () => undefined)
  closeOnAbort(client, options.signal)
  try {
    await client.connect()
    const results = (await client.query(FACTS)) as unknown as pg.QueryResult<Row>[]
    const facts = results.flatMap(({ rows }) => rows)[0] ?? {}
    const session = new Session(client, side, facts, options)
    if (session.version < OLDEST_SUPPORTED) throw tooOld(session)
    if (facts['standby'] === 't') throw standbyError(session)
    session.reach(`connect.${side}`)
    return session
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error instanceof RservError ? error : connectError(error, config, side)
  }
}

/** Also while it connects. */
function closeOnAbort(client: pg.Client, signal: AbortSignal | undefined): void {
  if (!signal) return
  const close = (): void => {
    // Not end(): that would wait for the statement under way.
    ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  }
  signal.addEventListener('abort', close, { once: true })
  client.once('end', () => signal.removeEventListener('abort', close))
}

function tooOld(session: Session): RservError {
  return new RservError('SERVER_TOO_OLD', `the ${session.side}'s PostgreSQL is older than 14`, {
    side: session.side,
    hint: 'rserv needs PostgreSQL 14 or newer on both sides.',
  })
}

/** Nothing can be written on a standby, and its snapshots list no running transactions (case 35). */
function standbyError(session: Session): RservError {
  return new RservError('STANDBY', `database ${session.database} is on a standby`, {
    side: session.side,
    hint: 'Give the primary: positions can only be taken there, and nothing can be written on a standby.',
  })
}
