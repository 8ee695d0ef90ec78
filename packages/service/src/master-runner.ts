import { setMaxListeners } from 'node:events'
import type { Backlog, BackendResolver, CommonOptions, MasterWatch, SlaveBacklog, WatchedSlave } from '@rserv/core'
import { cleanKeptLog, cleanLog, detachSlave, watchMaster } from '@rserv/core'
import { Alarm } from './alarm.ts'
import type { ServiceEventBody } from './events.ts'
import { slowest } from './log-limit.ts'
import { problemOf } from './problem.ts'
import { SlaveRunner } from './slave-runner.ts'
import { sameSource, Source } from './source.ts'
import type { CleanSpec, LogLimitSpec, MasterSpec, SlaveSpec } from './spec.ts'
import type { MasterState, Problem } from './state.ts'

/** What a master's runner needs of the service. */
export interface MasterSurroundings {
  readonly backends: BackendResolver
  readonly applicationName: string | undefined
  readonly strict: boolean
  readonly common: CommonOptions
  emit(master: string, slave: string | null, event: ServiceEventBody): void
  /** A slave ended by itself. */
  failed(error: unknown): void
}

const DEFAULT_CLEAN: CleanSpec = { everySeconds: 60 }
/** Milliseconds between two attempts to see a master that is not there. */
const RETRY_MS = [500, 1000, 2000, 5000]
/** Milliseconds after which a log that is still too long is told again. */
const TELL_AGAIN_MS = 600_000
/** Milliseconds between two looks at a slave's own list of tables. */
const DESCRIBE_MS = 30_000

/** Keeps the slaves of one master up: looks what is wanted of them, measures, cleans. */
export class MasterRunner {
  readonly source: Source
  readonly slaves = new Map<string, SlaveRunner>()
  readonly done: Promise<void>
  spec: MasterSpec
  readonly #surroundings: MasterSurroundings
  readonly #lookAlarm = new Alarm()
  readonly #cleanAlarm = new Alarm()
  /** Ends looks, which change nothing, at once. */
  readonly #unwatch = new AbortController()
  readonly #looking: CommonOptions
  #stopped = false
  #watched: readonly WatchedSlave[] = []
  #connected = false
  #lost = false
  #lastError: Problem | null = null
  #backlog: Backlog | null = null
  #cleanedAt: string | null = null
  #limitPassed = false
  /** Who held most of a log that was too long, the last time. */
  #suspect: SlaveBacklog | null = null
  #toldLimitAt = -Infinity

  constructor(spec: MasterSpec, surroundings: MasterSurroundings) {
    this.spec = spec
    this.#surroundings = surroundings
    this.source = new Source(spec, surroundings.applicationName)
    const { signal } = surroundings.common
    const ends = [this.#unwatch.signal, ...(signal ? [signal] : [])]
    const looking = AbortSignal.any(ends)
    setMaxListeners(0, looking)
    this.#looking = { ...surroundings.common, signal: looking }
    for (const slave of spec.slaves) this.#add(slave)
    this.done = Promise.all([this.#watch(), this.#clean()]).then(() => undefined)
  }

  /** Everything but the master's source may have changed. */
  async update(spec: MasterSpec): Promise<{ added: string[]; removed: string[]; changed: string[] }> {
    const before = this.spec.slaves
    this.spec = spec
    const [added, removed, changed] = [[] as string[], [] as string[], [] as string[]]
    const gone = before.filter(
      (slave) => !spec.slaves.some((other) => other.name === slave.name && sameSource(slave, other)),
    )
    await Promise.all(gone.map(({ name }) => this.#remove(name)))
    for (const slave of spec.slaves) {
      const running = this.slaves.get(slave.name)
      if (!running) {
        this.#add(slave)
        ;(gone.some(({ name }) => name === slave.name) ? changed : added).push(slave.name)
      } else if (JSON.stringify({ ...running.spec, source: 0 }) !== JSON.stringify({ ...slave, source: 0 })) {
        running.update(slave)
        changed.push(slave.name)
      }
    }
    for (const { name } of gone) if (!spec.slaves.some((slave) => slave.name === name)) removed.push(name)
    this.#cleanAlarm.ring()
    this.#lookAlarm.ring()
    return { added, removed, changed }
  }

  #add(spec: SlaveSpec): void {
    const { applicationName, strict, common, emit, failed } = this.#surroundings
    const runner = new SlaveRunner(spec, {
      applicationName,
      strict,
      common,
      master: this.source,
      emit: (event) => emit(this.spec.name, spec.name, event),
      look: () => this.#lookNow(),
    })
    runner.done.catch(failed)
    this.slaves.set(spec.name, runner)
  }

  async #remove(name: string): Promise<void> {
    await this.slaves.get(name)?.stop()
    this.slaves.delete(name)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#lookAlarm.ring()
    this.#cleanAlarm.ring()
    await Promise.allSettled([...this.slaves.values()].map((slave) => slave.stop()))
    this.#unwatch.abort()
    await this.done
  }

  state(): MasterState {
    const { name, logLimit } = this.spec
    const limit = logLimit ? { ...logLimit, passed: this.#limitPassed } : null
    return {
      name,
      database: this.source.display,
      connected: this.#connected,
      lastError: this.#lastError,
      logRows: this.#backlog?.logRows ?? null,
      logBytes: this.#backlog?.logBytes ?? null,
      cleanedAt: this.#cleanedAt,
      logLimit: limit,
      tables: (this.#backlog?.logs ?? []).map(({ table, logRows, logBytes }) => ({ ...table, logRows, logBytes })),
      slaves: [...this.slaves.values()].map(({ book, state }) => book.state(state, this.#connected)),
    }
  }

  #tell(event: ServiceEventBody, slave: string | null = null): void {
    this.#surroundings.emit(this.spec.name, slave, event)
  }

  /** Looks, again and again, over one connection. */
  async #watch(): Promise<void> {
    let failures = 0
    while (!this.#stopped) {
      try {
        await using watch = await watchMaster(this.source.config, this.#looking)
        failures = 0
        await this.#lookOn(watch)
      } catch (error) {
        if (this.#looking.signal?.aborted) return
        this.#loseSight(error)
        await this.#lookAlarm.wait(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)])
      }
    }
  }

  async #lookOn(watch: MasterWatch): Promise<void> {
    let [measured, counted, described] = [-Infinity, -Infinity, performance.now()]
    while (!this.#stopped) {
      this.#control(await watch.slaves())
      const now = performance.now()
      if (now - measured >= (this.spec.measureMs ?? 5000)) {
        const keys = now - counted >= (this.spec.countKeysMs ?? 60_000)
        await this.#measure(watch, keys)
        ;[measured, counted] = [now, keys ? now : counted]
      }
      if (now - described >= DESCRIBE_MS) {
        described = now
        this.#describe()
      }
      await this.#lookAlarm.wait(this.spec.lookMs ?? 1000)
    }
  }

  /** Those that are down are not waited for, nor asked. */
  #describe(): void {
    for (const slave of this.slaves.values()) if (slave.nodeId !== undefined) void slave.describe()
  }

  #loseSight(error: unknown): void {
    this.#connected = false
    this.#lastError = problemOf(error)
    if (!this.#lost) this.#tell({ kind: 'master-lost', problem: this.#lastError })
    this.#lost = true
  }

  /** One look beside those that come by themselves, over a connection of its own. Never fails. */
  async #lookNow(): Promise<void> {
    try {
      await using watch = await watchMaster(this.source.config, this.#looking)
      this.#control(await watch.slaves())
    } catch {
      // The looks that come by themselves tell it.
    }
  }

  #control(watched: readonly WatchedSlave[]): void {
    if (!this.#connected) {
      this.#connected = true
      this.#lost = false
      this.#lastError = null
      this.#tell({ kind: 'master-connected' })
    }
    this.#watched = watched
    for (const slave of this.slaves.values()) slave.control(this.#recordOf(slave))
  }

  /** By its identity; by its name, as long as nobody has seen the slave. */
  #recordOf({ nodeId, spec, source }: SlaveRunner): WatchedSlave | null {
    const name = spec.server ?? source.database
    const found = this.#watched.find((one) => (nodeId === undefined ? one.server === name : one.nodeId === nodeId))
    return found ?? null
  }

  async #measure(watch: MasterWatch, keys: boolean): Promise<void> {
    const askedAt = Date.now()
    this.#backlog = await watch.backlog({ keys })
    for (const slave of this.slaves.values()) {
      const record = this.#recordOf(slave)
      const backlog = record && this.#backlog.slaves.find(({ server }) => server === record.server)
      if (backlog) slave.book.measure(backlog, askedAt)
      if (slave.book.isElsewhere) void slave.describe()
    }
    const { logLimit } = this.spec
    const passed = logLimit ? this.#backlog.logBytes > logLimit.bytes : false
    if (logLimit && passed) await this.#boundLog(watch, logLimit)
    else {
      this.#limitPassed = false
      this.#suspect = null
    }
  }

  /** What every slave has goes first; then the slowest slave. */
  async #boundLog(watch: MasterWatch, limit: LogLimitSpec): Promise<void> {
    await this.#cleanOnce(0)
    const backlog = (this.#backlog = await watch.backlog())
    if (backlog.logBytes <= limit.bytes) return
    const detached = new Set(this.#watched.flatMap((one) => (one.detached ? [one.server] : [])))
    const most = slowest(backlog, detached)
    this.#tellLimit(backlog, limit, most?.server ?? null)
    // One that moves may be done the next time: a single large transaction is no reason.
    const stands = most !== null && this.#suspect?.server === most.server && this.#suspect.syncId === most.syncId
    this.#suspect = most
    if (!stands || limit.over === 'warn') return
    const why = `the log of the master had ${backlog.logBytes} bytes, ${limit.bytes} are allowed, and this slave held most of it`
    await detachSlave(await this.source.config(), { server: most.server, why, ...this.#surroundings.common })
    this.#control(await watch.slaves())
    await this.#cleanOnce(0)
  }

  #tellLimit({ logBytes }: Backlog, { bytes }: LogLimitSpec, server: string | null): void {
    const now = performance.now()
    if (this.#limitPassed && now - this.#toldLimitAt < TELL_AGAIN_MS) return
    this.#limitPassed = true
    this.#toldLimitAt = now
    this.#tell({ kind: 'log-limit', logBytes, limitBytes: bytes, slowest: server })
  }

  async #clean(): Promise<void> {
    while (!this.#stopped) {
      const policy = this.spec.clean === undefined ? DEFAULT_CLEAN : this.spec.clean
      const started = performance.now()
      const ms = policy && policy.everySeconds * 1000
      await this.#cleanAlarm.wait(ms ?? undefined)
      if (this.#stopped || !policy || ms === null || performance.now() - started < ms) continue
      await this.#cleanOnce(policy.keepSeconds ?? 0)
    }
  }

  async #cleanOnce(olderThanSeconds: number): Promise<void> {
    const { backends, common } = this.#surroundings
    try {
      await this.#cleanKept()
      const { rows } = await cleanLog(await this.source.config(), { olderThanSeconds, backends, ...common })
      this.#cleanedAt = new Date().toISOString()
      if (rows > 0) this.#tell({ kind: 'cleaned', rows })
    } catch (error) {
      if (!common.signal?.aborted) this.#tell({ kind: 'clean-failed', problem: problemOf(error) })
    }
  }

  /** The logs of slaves that keep one. First, because it tells the master how far the slaves behind them are. */
  async #cleanKept(): Promise<void> {
    const { backends, common } = this.#surroundings
    for (const { source } of this.slaves.values()) {
      // One that cannot be reached now is told of by whoever follows it.
      await cleanKeptLog(await this.source.config(), await source.config(), { backends, ...common }).catch(
        () => undefined,
      )
    }
  }
}
