import type { CommonOptions, RservEvent, SlaveStatus, Throttle, WatchedSlave } from '@rserv/core'
import { describeSlave, follow, RservError } from '@rserv/core'
import { Alarm } from './alarm.ts'
import type { ServiceEventBody } from './events.ts'
import { problemOf } from './problem.ts'
import type { Hold } from './slave-book.ts'
import { SlaveBook } from './slave-book.ts'
import { Source } from './source.ts'
import type { SlaveSpec } from './spec.ts'
import type { SlaveState } from './state.ts'

/** What a slave's runner needs of its master. */
export interface SlaveSurroundings {
  readonly master: Source
  readonly applicationName: string | undefined
  readonly strict: boolean
  readonly common: CommonOptions
  emit(event: ServiceEventBody): void
  /** Has the master looked at now, and `control` told what is wanted of this slave. Never fails. */
  look(): Promise<void>
}

/** Who wants it paused; or that it is detached. */
type Held = 'command' | 'program' | 'configuration' | 'change-of-roles' | 'detached'

function holdOf(held: Held | null): Hold | null {
  return held === null || held === 'detached' ? held : 'paused'
}

/** Keeps one slave up, as far as nobody wants it held. */
export class SlaveRunner {
  readonly book = new SlaveBook()
  readonly source: Source
  readonly done: Promise<void>
  spec: SlaveSpec
  /** uuid of the slave database; undefined until it was seen. */
  nodeId: string | undefined
  readonly #surroundings: SlaveSurroundings
  readonly #changed = new Alarm()
  #stopped = false
  #paused = false
  #watched: WatchedSlave | null = null
  #until = new AbortController()
  #told: Held | null = null

  constructor(spec: SlaveSpec, surroundings: SlaveSurroundings) {
    this.spec = spec
    this.#surroundings = surroundings
    this.source = new Source(spec, surroundings.applicationName)
    this.book.throttle = spec.throttle ?? null
    this.done = this.#run()
    this.done.catch(() => undefined)
  }

  get state(): Pick<SlaveState, 'name' | 'database'> {
    return { name: this.spec.name, database: this.source.display }
  }

  /** By the program. */
  pause(paused: boolean): void {
    this.#paused = paused
    this.#reconsider()
  }

  /** Everything but the source may have changed. */
  update(spec: SlaveSpec): void {
    const paces = ['idleMs', 'busyMs', 'retryMs', 'parkedRetryMs', 'server', 'jobs'] as const
    const anew = paces.some((name) => this.spec[name] !== spec[name])
    this.spec = spec
    // It is followed anew, after the transfer in hand.
    if (anew) this.#until.abort()
    this.#reconsider()
  }

  /** What the master has on record; null: it does not know this slave. */
  control(watched: WatchedSlave | null): void {
    this.#watched = watched
    this.#reconsider()
  }

  /** Ends after the transfer in hand. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#until.abort()
    this.#changed.ring()
    await this.done
  }

  /** Reads the slave's tables again. Never fails. */
  async describe(): Promise<void> {
    const status = await describeSlave(this.source.config, this.#surroundings.common).catch(() => null)
    if (status) this.#described(status)
  }

  #described(status: SlaveStatus): void {
    this.nodeId = status.nodeId
    this.book.describe(status)
  }

  get #held(): Held | null {
    if (this.#watched?.detached) return 'detached'
    if (this.#watched?.pausedAt) return 'command'
    if (this.#watched?.wanted) return 'change-of-roles'
    if (this.#paused) return 'program'
    return this.spec.paused ? 'configuration' : null
  }

  #reconsider(): void {
    const throttle = this.#watched?.throttle ?? this.spec.throttle ?? null
    if (!sameThrottle(throttle, this.book.throttle)) {
      this.book.throttle = throttle
      this.#surroundings.emit({ kind: 'throttled', throttle })
    }
    if (this.#held) this.#until.abort()
    this.#changed.ring()
  }

  async #run(): Promise<void> {
    const { emit } = this.#surroundings
    try {
      while (!this.#stopped) {
        this.#tell(this.#held)
        if (this.#held) await this.#changed.wait()
        else await this.#follow()
      }
    } catch (error) {
      if (!this.#surroundings.common.signal?.aborted) {
        emit(this.book.failed(error, 0))
        throw error
      }
    } finally {
      this.book.left()
      this.book.hold = 'stopped'
      emit({ kind: 'stopped' })
    }
  }

  /** Tells that it is held, or goes on. */
  #tell(now: Held | null): void {
    const before = this.#told
    if (before === now) return
    this.#told = now
    this.book.hold = holdOf(now)
    const { emit } = this.#surroundings
    if (before && holdOf(now) !== holdOf(before)) {
      if (before === 'detached') emit({ kind: 'attached' })
      else if (now === null) emit({ kind: 'resumed' })
      this.book.lastError = null
    }
    if (now === 'detached') emit(this.#detached())
    else if (now !== null) emit({ kind: 'paused', by: now })
  }

  #detached(): ServiceEventBody {
    const { server = '', detached } = this.#watched ?? {}
    const error = new RservError('DETACHED', `slave ${server} was detached: ${detached?.why}`, {
      hint: `Copy its tables again: rserv resync MASTER SLAVE with their databases; then it is followed again.`,
    })
    const problem = problemOf(error, new Date(detached?.at ?? Date.now()))
    this.book.lastError = problem
    return { kind: 'detached', server, problem }
  }

  async #follow(): Promise<void> {
    const { master, common, strict, emit } = this.#surroundings
    const { server, jobs, idleMs, busyMs, retryMs, parkedRetryMs } = this.spec
    this.#until = new AbortController()
    const events = follow(master.config, this.source.config, {
      ...common,
      onEvent: (event) => this.#progress(event),
      server,
      jobs,
      idleMs,
      busyMs,
      retryMs,
      parkedRetryMs,
      stop: this.#until.signal,
      throttle: () => this.book.throttle,
      onLook: () => this.book.looked(),
      patient: !strict || this.nodeId !== undefined,
    })
    for await (const event of events) {
      for (const body of this.book.follow(event)) emit(body)
      // Before the first transfer: it may be paused.
      if (event.kind === 'connected') await this.#connected()
    }
    this.book.left()
  }

  #progress(event: RservEvent): void {
    const { common, emit } = this.#surroundings
    for (const body of this.book.progress(event)) emit(body)
    common.onEvent?.(event)
  }

  async #connected(): Promise<void> {
    await this.describe()
    await this.#surroundings.look()
  }
}

function sameThrottle(a: Throttle | null, b: Throttle | null): boolean {
  const keys = ['rowsPerSecond', 'bytesPerSecond', 'pauseMs'] as const
  return keys.every((key) => a?.[key] === b?.[key])
}
