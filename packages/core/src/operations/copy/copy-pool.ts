import { analyzeCopied } from '../../apply/analyze-copied.ts'
import type { TableResult } from '../../apply/results.ts'
import { TableProgress } from '../../apply/table-progress.ts'
import type { ConfigSource } from '../../database/session.ts'
import { currentConfig, openSession } from '../../database/session.ts'
import type { CommonOptions } from '../../shared/events.ts'
import type { Flow } from '../../shared/flow.ts'
import type { QualifiedName } from '../../shared/names.ts'
import { displayName } from '../../shared/names.ts'
import { ofTable } from '../../shared/of-table.ts'
import { isTableError } from '../table-error.ts'
import type { CopyJob } from './choose-apart.ts'
import type { CopySides } from './copy-table.ts'
import { copyTable } from './copy-table.ts'
import { countRows } from './count-rows.ts'

/** Tables that are copied at once. */
const JOBS = 4

export interface PoolOptions extends CommonOptions {
  /** Tables that are copied at once, each over connections of its own; default 4. */
  readonly jobs?: number | undefined
  /** Holds rows back, of all of them together. */
  readonly flow?: Flow | undefined
}

interface Waiting {
  readonly job: CopyJob
  /** Has it failed once? */
  readonly again: boolean
}

/**
 * Copies tables apart, several at once, each over two connections of its own. What one of them fails for does not stop the
 * others; what all of them would fail for, such as a lost server, stops all, and what is copied by then stays copied.
 */
export class CopyPool implements AsyncDisposable {
  readonly #sides: { readonly master: ConfigSource; readonly slave: ConfigSource }
  readonly #options: PoolOptions
  readonly #abort = new AbortController()
  #joined: AbortSignal | undefined
  #waiting: Waiting[] = []
  readonly #progress = new Map<string, TableProgress>()
  readonly #workers = new Set<Promise<void>>()
  #counting: Promise<void> | undefined
  #results: TableResult[] = []
  #failures: unknown[] = []
  /** Those who wait until all is copied. */
  #awaiting: (() => void)[] = []
  /** What went wrong for all of them and is not among the failures yet. */
  readonly #failing = new Set<unknown>()
  /** Tables that failed, until somebody has been told. */
  readonly #failed = new Set<string>()
  #due = false

  constructor(sides: { master: ConfigSource; slave: ConfigSource }, options: PoolOptions) {
    this.#sides = sides
    this.#options = options
  }

  /** Made when there is something to copy: one that is joined to another stays registered with that for good. */
  get #signal(): AbortSignal {
    const { signal } = this.#options
    this.#joined ??= signal ? AbortSignal.any([signal, this.#abort.signal]) : this.#abort.signal
    return this.#joined
  }

  /** Is the table waiting to be copied, or being copied, or was it not to be copied and nobody has been told? */
  readonly has = (table: QualifiedName): boolean =>
    this.#progress.has(displayName(table)) || this.#failed.has(displayName(table))

  /** The tables for which `has` is true now, whatever happens to them later. */
  now(): (table: QualifiedName) => boolean {
    const names = new Set([...this.#progress.keys(), ...this.#failed])
    return (table) => names.has(displayName(table))
  }

  get busy(): boolean {
    return this.#progress.size > 0
  }

  /** Has any table been copied since that was last asked? */
  takeDue(): boolean {
    const due = this.#due
    this.#due = false
    return due
  }

  /** What was copied since that was last asked. */
  takeResults(): TableResult[] {
    return this.#results.splice(0)
  }

  /** What went wrong since that was last asked. */
  takeFailures(): unknown[] {
    this.#failed.clear()
    return this.#failures.splice(0)
  }

  /** Copies more tables. @param origin uuid of the master */
  add(jobs: readonly CopyJob[], origin: string): void {
    for (const job of jobs.filter(({ table }) => !this.has(table.table))) {
      const { table } = job.table
      const progress = new TableProgress(table, job.size, this.#options.onEvent)
      this.#progress.set(displayName(table), progress)
      progress.tell()
      this.#waiting.push({ job, again: false })
    }
    const free = (this.#options.jobs ?? JOBS) - this.#workers.size
    for (let i = 0; i < Math.min(free, this.#waiting.length); i++) this.#startWorker(origin)
    const running = (): TableProgress[] => [...this.#progress.values()]
    this.#counting ??= countRows(this.#sides.master, running, this.#signal).finally(() => (this.#counting = undefined))
  }

  /** Waits until no table is left to be copied, well or not. Statistics may still be made. */
  async copied(): Promise<void> {
    const all = new Promise<void>((resolve) => void this.#awaiting.push(resolve))
    await Promise.race([all, this.settled()])
  }

  /** Waits until nothing is left to be done. */
  async settled(): Promise<void> {
    while (this.#workers.size > 0) await Promise.all(this.#workers)
  }

  /** Stops what is under way: the servers roll it back. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#waiting = []
    this.#abort.abort()
    await this.settled()
    await this.#counting
  }

  #startWorker(origin: string): void {
    const worker = this.#work(origin).finally(() => this.#workers.delete(worker))
    this.#workers.add(worker)
  }

  async #work(origin: string): Promise<void> {
    try {
      while (this.#waiting.length > 0) await this.#workConnected(origin)
    } catch (error) {
      for (const { job } of this.#waiting.splice(0)) this.#end(job.table.table, 'failed')
      this.#failures.push(error)
      this.#failing.delete(error)
    }
  }

  /** Until there is nothing left, or a table failed: its connections may be in the middle of something then. */
  async #workConnected(origin: string): Promise<void> {
    const options = { signal: this.#signal, onEvent: this.#options.onEvent }
    await using master = await openSession(await currentConfig(this.#sides.master), 'master', options)
    const slaveConfig = await currentConfig(this.#sides.slave)
    await using slave = await openSession(slaveConfig, 'slave', options)
    const sides = { master, slave, slaveConfig, origin, flow: this.#options.flow }
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      if (!(await this.#copy(sides, next))) return
    }
  }

  /**
   * What goes wrong with a table may have passed: it is tried twice.
   * @returns false where it failed
   * @throws what is not that table's alone
   */
  async #copy(sides: CopySides, { job, again }: Waiting): Promise<boolean> {
    const { table } = job.table
    const progress = this.#progress.get(displayName(table)) ?? new TableProgress(table, job.size, undefined)
    try {
      const result = await ofTable(table, () => copyTable(sides, job, progress))
      this.#end(table, 'copied', result)
      // Nobody waits for it: the table may be joined meanwhile.
      if (result) await analyzeCopied(sides.slave, [result])
      return true
    } catch (error) {
      const itsOwn = isTableError(error) && !this.#signal.aborted
      if (!itsOwn) this.#failing.add(error)
      if (itsOwn && !again) this.#waiting.push({ job, again: true })
      else this.#end(table, 'failed')
      if (!itsOwn) throw error
      if (again) this.#failures.push(error)
      return false
    }
  }

  #end(table: QualifiedName, copy: 'copied' | 'failed', result: TableResult | null = null): void {
    const name = displayName(table)
    this.#progress.get(name)?.ended(copy, result?.written ?? 0)
    this.#progress.delete(name)
    if (copy === 'failed') this.#failed.add(name)
    this.#due = true
    if (result) this.#results.push(result)
    if (copy === 'copied' && !this.busy && this.#failing.size === 0) for (const done of this.#awaiting.splice(0)) done()
  }
}
