import type { TestDatabase } from '@rserv/test-utils'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { Change, Control } from './model.ts'
import type { Table } from './tables.ts'

/** What may happen to an application by its own doing: keys, references, locks, serialization, statements on rows twice. */
const USUAL = new Set(['23505', '23503', '23514', '23001', '21000', '55P03', '40P01', '40001'])
/** TRUNCATE of a referenced table, or with pending trigger events; a row changed twice; ON CONFLICT beside deferrable. */
const IN_THEIR_PLACE = new Set(['0A000', '55006', '27000', '55000'])

export interface Counts {
  statements: number
  refused: number
}

/** An application's connection to the master. */
export class Connection {
  readonly #client: Client
  readonly #counts: Counts
  /** Guarded statements are undone by a savepoint when they fail; otherwise the whole transaction is. */
  readonly #guarded: boolean
  open = false
  /** Holds locks that a transfer would wait for. */
  exclusive = false
  #savepoints = 0
  #oldSnapshot = false

  constructor(client: Client, counts: Counts, guarded: boolean) {
    this.#client = client
    this.#counts = counts
    this.#guarded = guarded
  }

  static async open(master: TestDatabase, counts: Counts, number: number): Promise<Connection> {
    const client = await master.connect()
    await client.query(`set lock_timeout = '40ms'; set deadlock_timeout = '20ms'`)
    return new Connection(client, counts, number % 2 === 0)
  }

  async change(table: Table, change: Change): Promise<void> {
    // An older snapshot does not show the audit all rows that TRUNCATE takes away.
    if (change.op === 'truncate' && this.#oldSnapshot) return
    this.#counts.statements++
    const guard = this.open && this.#guarded
    try {
      if (guard) await this.#client.query('savepoint guard')
      await this.#send(table, change)
      if (guard) await this.#client.query('release savepoint guard')
      if (change.op === 'truncate' && this.open) this.exclusive = true
    } catch (error) {
      this.#tolerate(error)
      if (guard) await this.#client.query('rollback to savepoint guard')
      else if (this.open) await this.end('rollback')
    }
  }

  #tolerate(error: unknown): void {
    const { code } = error as { code: string }
    if (!USUAL.has(code) && !IN_THEIR_PLACE.has(code)) throw error
    this.#counts.refused++
  }

  async #send(table: Table, change: Change): Promise<void> {
    if (change.op !== 'copy') {
      await this.#client.query(table.sql(change))
      return
    }
    const chunks: Buffer[] = []
    const collect = new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk)
        done()
      },
    })
    await pipeline(this.#client.query(copyTo(`copy (${table.select(change.rows)}) to stdout`)), collect)
    const into = this.#client.query(copyFrom(`copy ${table.name} (${table.columns.join(', ')}) from stdin`))
    await pipeline(Readable.from(chunks), into)
  }

  /** Transaction control; what makes no sense now is left out. @returns the name of what was prepared */
  async control(control: Control, name: string): Promise<string | undefined> {
    if (control.op === 'begin') {
      if (this.open) return undefined
      await this.#client.query(`begin isolation level ${control.isolation}`)
      this.open = true
      this.#oldSnapshot = control.isolation !== 'read committed'
      return undefined
    }
    if (!this.open) return undefined
    if (control.op === 'commit' || control.op === 'rollback') await this.end(control.op)
    else if (control.op === 'prepare') return this.#prepare(name)
    else await this.#savepoint(control.op)
    return undefined
  }

  async #savepoint(op: 'savepoint' | 'rollback to' | 'release'): Promise<void> {
    if (op === 'savepoint') this.#savepoints++
    if (this.#savepoints === 0) return
    await this.#client.query(`${op} s${this.#savepoints}`)
    if (op === 'release') this.#savepoints--
  }

  async #prepare(name: string): Promise<string | undefined> {
    // Its locks would be nobody's who could be asked to give them up.
    if (this.exclusive) return undefined
    try {
      await this.#client.query(`prepare transaction '${name}'`)
    } catch (error) {
      this.#tolerate(error)
      await this.#client.query('rollback')
      this.#closed()
      return undefined
    }
    this.#closed()
    return name
  }

  async end(how: 'commit' | 'rollback'): Promise<void> {
    if (!this.open) return
    try {
      await this.#client.query(how)
    } catch (error) {
      // Deferred constraints and serialization failures come at the end.
      this.#tolerate(error)
      await this.#client.query('rollback')
    }
    this.#closed()
  }

  async close(): Promise<void> {
    await this.#client.end()
  }

  #closed(): void {
    this.open = false
    this.#oldSnapshot = false
    this.exclusive = false
    this.#savepoints = 0
  }
}
