import type { CommonOptions, CopyProgress } from '../shared/events.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'
import type { TableSize } from '../transfer/table-size.ts'

/** How far the copy of one table is. */
export class TableProgress {
  readonly #table: QualifiedName
  readonly #onEvent: CommonOptions['onEvent']
  readonly #total: TableSize
  #copy: CopyProgress['copy'] = 'waiting'
  #rows = 0
  #bytes = 0
  #started: Date | undefined
  #backendPid: number | undefined
  #told = false

  constructor(table: QualifiedName, size: TableSize, onEvent: CommonOptions['onEvent']) {
    this.#table = table
    this.#total = size
    this.#onEvent = onEvent
  }

  /** Process on the master's server that sends the rows; undefined: none does, or it is not known. */
  get backendPid(): number | undefined {
    return this.#copy === 'copying' ? this.#backendPid : undefined
  }

  /** Was anything told of it? */
  get told(): boolean {
    return this.#told
  }

  /** The rows begin to travel. */
  begun(backendPid?: number): void {
    this.#backendPid = backendPid
    this.#copy = 'copying'
    this.#started = new Date()
    this.#rows = 0
    this.#bytes = 0
  }

  arrived(bytes: number): void {
    this.#bytes += bytes
  }

  /** So many rows were sent so far, as the master's server counts. */
  sent(rows: number): void {
    this.#rows = rows
  }

  ended(copy: 'copied' | 'failed', rows: number): void {
    this.#copy = copy
    this.#rows = rows
    this.tell()
  }

  tell(): void {
    this.#told = true
    const [copy, table] = [this.#copy, this.#table]
    this.#onEvent?.({ kind: 'progress', message: this.#message(), table, ...this.#figures(), copy })
  }

  #figures(): CopyProgress {
    return {
      copy: this.#copy,
      rowsDone: this.#rows,
      rowsTotal: this.#total.rows,
      bytesDone: this.#bytes,
      bytesTotal: this.#total.bytes,
      startedAt: this.#started?.toISOString() ?? null,
      etaSeconds: this.#secondsLeft(),
    }
  }

  #message(): string {
    const name = displayName(this.#table)
    if (this.#copy === 'waiting') return `${name}: waits to be copied`
    return `${name}: ${this.#rows} rows, ${this.#bytes} bytes ${this.#copy === 'copying' ? 'so far' : this.#copy}`
  }

  #secondsLeft(): number | null {
    if (this.#copy === 'copied') return 0
    const { rows, bytes } = this.#total
    const share = rows !== null && rows > 0 && this.#rows > 0 ? this.#rows / rows : bytes > 0 ? this.#bytes / bytes : 0
    if (!this.#started || share <= 0 || this.#copy !== 'copying') return null
    const elapsed = (Date.now() - this.#started.getTime()) / 1000
    return Math.max(0, Math.round((elapsed * (1 - share)) / share))
  }
}
