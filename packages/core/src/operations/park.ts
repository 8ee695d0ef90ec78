import { listSlaveTables, parkedVersions, parkTable } from '../apply/slave-tables.ts'
import type { ConfigSource, Session } from '../database/session.ts'
import { currentConfig, openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import type { CommonOptions } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, sameName } from '../shared/names.ts'
import type { TableError } from './table-error.ts'
import { isTableError } from './table-error.ts'

/** Milliseconds between two looks at parked tables. */
const LOOK_MS = 1000

/**
 * Keeps the tables of a slave whose transfers fail apart from the others, for as long as they do (cases 120, 139, 146).
 * One that has failed is tried again once before it is parked, and later one at a time.
 */
export class Parking {
  readonly #slave: ConfigSource
  readonly #options: CommonOptions
  readonly #retryMs: number
  #failed: string | undefined
  #trying: QualifiedName | undefined
  /** Has just been altered. */
  #altered: QualifiedName | undefined
  #next: number
  /** Of the slave's parked tables, by name: what DDL changes; undefined: not looked at yet. */
  #versions: ReadonlyMap<string, string> | undefined
  #lookAt = 0

  constructor(slave: ConfigSource, options: CommonOptions & { parkedRetryMs?: number | undefined }) {
    this.#slave = slave
    this.#options = options
    this.#retryMs = options.parkedRetryMs ?? 60_000
    this.#next = 0
  }

  /** Is it time to try a parked table? Not while another one is about to be parked. */
  get due(): boolean {
    return this.#failed === undefined && performance.now() >= this.#next
  }

  /**
   * Did DDL alter one of the slave's parked tables, so that it is worth a try at once (case 128)? Looked at once a second, if
   * there are any: nobody else parks one while the slave is held.
   */
  async altered(session: Session): Promise<boolean> {
    const now = performance.now()
    if (this.#failed !== undefined || now < this.#lookAt || this.#versions?.size === 0) return false
    this.#lookAt = now + LOOK_MS
    const before = this.#versions
    const tables = await this.#learnVersions(session)
    const changed = tables.find(({ table, version }) => (before?.get(displayName(table)) ?? version) !== version)
    this.#altered = changed?.table
    return changed !== undefined
  }

  /** The slave is held from now on: somebody else may have parked a table before. */
  connected(): void {
    if (this.#versions?.size === 0) this.#versions = undefined
  }

  async #learnVersions(session: Session): ReturnType<typeof parkedVersions> {
    const tables = await inTransaction(session, () => parkedVersions(session))
    this.#versions = new Map(tables.map(({ table, version }) => [displayName(table), version]))
    return tables
  }

  /** Chooses the table to be tried: the one whose last attempt is longest ago. Null: none is parked. */
  async choose(session: Session): Promise<QualifiedName | null> {
    this.#next = performance.now() + this.#retryMs
    const tables = await inTransaction(session, () => listSlaveTables(session))
    const parked = tables.flatMap(({ table, parked: why }) => (why ? [{ table, at: why.at }] : []))
    const [oldest] = this.#altered ? [{ table: this.#altered }] : parked.toSorted((a, b) => (a.at < b.at ? -1 : 1))
    this.#altered = undefined
    this.#trying = oldest?.table
    return oldest?.table ?? null
  }

  /** Is this the table that is tried now? */
  readonly tries = (table: QualifiedName): boolean =>
    this.#trying !== undefined && displayName(table) === displayName(this.#trying)

  /** A transfer was applied. */
  succeeded(): void {
    this.#failed = undefined
    this.#trying = undefined
  }

  /**
   * A transfer failed.
   * @returns the error whose table is parked now, or was and stays so; null where that was not the reason
   */
  async failed(error: unknown): Promise<{ isNew: boolean; error: TableError } | null> {
    if (!isTableError(error)) return null
    const name = displayName(error.table)
    const again = this.tries(error.table)
    this.#trying = undefined
    this.#next = performance.now() + this.#retryMs
    if (!again && this.#failed !== name) {
      this.#failed = name
      return null
    }
    this.#failed = undefined
    await this.park(error)
    return { isNew: !again, error }
  }

  /**
   * Leaves a table out, or goes on to.
   * @returns was it not left out before?
   */
  async park(error: TableError): Promise<boolean> {
    await using session = await openSession(await currentConfig(this.#slave), 'slave', this.#options)
    const before = await inTransaction(session, async () => {
      const tables = await listSlaveTables(session)
      await parkTable(session, error.table, error)
      return tables.find(({ table }) => sameName(table, error.table))
    })
    await this.#learnVersions(session)
    return before?.parked === null
  }
}
