import type { QualifiedName, RservEvent, SlaveBacklog, SlaveStatus } from '@rserv/core'
import type { MovedTable } from './events.ts'
import type { CopyState, Problem, SlaveTableState } from './state.ts'

/** What is known of a slave's tables. */
export class TableBook {
  #tables = new Map<string, SlaveTableState>()

  /** As the slave says. */
  describe({ tables }: SlaveStatus): void {
    const now = new Map<string, SlaveTableState>()
    for (const { table, state, parked } of tables) {
      const before = this.#tables.get(keyOf(table))
      const error = parked && { code: parked.code, message: parked.message, hint: null, at: toIso(parked.at) }
      now.set(keyOf(table), {
        ...(before ?? { ...table, rowsBehind: null, keysBehind: null, copy: null }),
        state: error ? 'parked' : state === 'copied' ? 'copying' : state,
        error,
      })
    }
    this.#tables = now
  }

  measure(backlog: SlaveBacklog): void {
    for (const { table, rows, keys } of backlog.tables) {
      const known = this.#tables.get(keyOf(table))
      // Keys are counted seldom: the last count holds as far as it can.
      const keysBehind = keys ?? (known?.keysBehind == null ? null : Math.min(known.keysBehind, rows))
      if (known) Object.assign(known, { rowsBehind: rows, keysBehind })
    }
  }

  /** A transfer brought them; returns those of them that were parked before. */
  moved(tables: readonly MovedTable[]): QualifiedName[] {
    const rejoined: QualifiedName[] = []
    for (const { table, mode } of tables) {
      const known = this.#tables.get(keyOf(table))
      // One that is copied beside the transfers counts as being copied by then.
      if (known?.error) rejoined.push(table)
      const before = known ?? { ...table, keysBehind: null }
      if (!known && mode !== 'copy') continue
      this.#tables.set(keyOf(table), {
        ...before,
        state: 'synced',
        rowsBehind: 0,
        keysBehind: 0,
        copy: null,
        error: null,
      })
    }
    this.nothingWaits()
    return rejoined
  }

  /** All but the parked ones are as of the position. */
  nothingWaits(): void {
    for (const table of this.#tables.values()) {
      if (table.state !== 'parked') Object.assign(table, { rowsBehind: 0, keysBehind: 0 })
    }
  }

  /**
   * How far the copy of a table is; until a transfer joins it, it counts as being copied.
   * @returns null where the event tells of none
   */
  copied(event: RservEvent): CopyState | null {
    const { table, copy: phase } = event
    const known = table && this.#tables.get(keyOf(table))
    if (!known || phase === undefined || phase === 'waiting') return null
    const copy = copyState(event)
    if (phase === 'failed') Object.assign(known, { state: known.error ? 'parked' : 'new', copy: null })
    else Object.assign(known, { state: 'copying', copy })
    return copy
  }

  /** Is any of them being copied beside the transfers? */
  get copying(): boolean {
    return [...this.#tables.values()].some(({ state }) => state === 'copying')
  }

  /** The slave has everything: what was copied is joined. */
  inSync(): void {
    for (const table of this.#tables.values()) {
      if (table.state === 'copying') Object.assign(table, { state: 'synced', copy: null })
    }
    this.nothingWaits()
  }

  park(table: QualifiedName, error: Problem): void {
    const copy = { rowsBehind: null, keysBehind: null, copy: null }
    this.#tables.set(keyOf(table), { ...table, ...copy, state: 'parked', error })
  }

  /** Does a transfer to come, or under way, copy any? */
  get copies(): boolean {
    return [...this.#tables.values()].some(({ state }) => state === 'new' || state === 'copying')
  }

  sum(what: 'rowsBehind' | 'keysBehind'): number | null {
    const tables = [...this.#tables.values()].filter(({ state }) => state !== 'parked')
    return tables.reduce<number | null>((sum, table) => {
      const value = table[what]
      return sum === null || value === null ? null : sum + value
    }, 0)
  }

  state(): SlaveTableState[] {
    return [...this.#tables.values()].map((table) => ({ ...table }))
  }
}

function copyState(event: RservEvent): CopyState {
  const { rowsDone = 0, rowsTotal = null, bytesDone = 0, bytesTotal = null, etaSeconds = null } = event
  const startedAt = event.startedAt ?? new Date().toISOString()
  return { rowsDone, rowsTotal, bytesDone, bytesTotal, startedAt, etaSeconds }
}

function keyOf({ schema, name }: QualifiedName): string {
  return JSON.stringify([schema, name])
}

/** The server's text has an offset instead of Z. */
function toIso(text: string): string {
  return new Date(text).toISOString()
}
