import { setMaxListeners } from 'node:events'
import { createRequire } from 'node:module'
import { RservError } from '@rserv/core'
import { EventHub } from './event-hub.ts'
import type { ServiceEvent, ServiceEventBody } from './events.ts'
import { MasterRunner } from './master-runner.ts'
import { problemOf } from './problem.ts'
import type { SlaveRunner } from './slave-runner.ts'
import { sameSource } from './source.ts'
import type { ServiceSpec } from './spec.ts'
import type { ServiceState } from './state.ts'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** Keeps masters and slaves up from the moment it is made until it is stopped. */
export interface Service extends AsyncDisposable {
  /** Resolves when it has ended; rejects with what ended it. */
  readonly done: Promise<void>
  /**
   * What happens from this call on, until it has ended. Any number of readers; one that falls far behind loses the oldest.
   * @param options.signal ends this iterator, not the service
   */
  events(options?: { signal?: AbortSignal }): AsyncIterableIterator<ServiceEvent>
  /** What is known at this moment. Cheap: nobody is asked. */
  state(): ServiceState
  /**
   * Lets a slave rest, after the transfer in hand, until `resume`. For this service and as long as it runs; `pauseSlaves`
   * of core, and `rserv pause`, are for all.
   * @param slave its name, or `master/slave` where several masters have one of that name
   * @throws RservError BAD_ARGUMENT where there is no such slave
   */
  pause(slave: string): void
  /** @throws RservError as `pause` */
  resume(slave: string): void
  /**
   * Another specification holds from now on. What is the same in both goes on untouched; a slave whose source is another
   * ends after its transfer in hand and begins anew.
   * @throws RservError BAD_ARGUMENT for one that makes no sense; nothing is changed then
   */
  reconfigure(spec: ServiceSpec): Promise<void>
  /** Tells its readers that a new configuration could not be used. */
  refuse(error: unknown): void
  /** Ends after the transfers in hand. */
  stop(): Promise<void>
}

export interface ServiceOptions {
  /** Ends it at once; the servers roll back what is in hand. */
  signal?: AbortSignal | undefined
}

/**
 * Makes a service, which begins at once.
 *
 * ```ts
 * await using service = createService({ masters: [{ name: 'shop', source, slaves: [{ name: 'berlin', source }] }], backends })
 * for await (const event of service.events()) console.log(event.kind, event.slave)
 * ```
 *
 * @throws RservError BAD_ARGUMENT for a specification that makes no sense
 */
export function createService(spec: ServiceSpec, options: ServiceOptions = {}): Service {
  return new RunningService(spec, options)
}

class RunningService implements Service {
  readonly done: Promise<void>
  readonly #startedAt = new Date().toISOString()
  readonly #hub = new EventHub()
  readonly #masters = new Map<string, MasterRunner>()
  readonly #signal: AbortSignal | undefined
  #spec: ServiceSpec
  #failure: { readonly error: unknown } | undefined
  #stopping: Promise<void> | undefined
  #end: () => void = () => undefined
  #reconfiguring: Promise<void> = Promise.resolve()

  constructor(spec: ServiceSpec, { signal }: ServiceOptions) {
    checkSpec(spec)
    this.#spec = spec
    // As many connections as there are wait for it, which is no leak.
    this.#signal = signal && AbortSignal.any([signal])
    if (this.#signal) setMaxListeners(0, this.#signal)
    this.done = new Promise((resolve, reject) => {
      this.#end = () => (this.#failure ? reject(this.#failure.error) : resolve())
    })
    this.done.catch(() => undefined)
    for (const master of spec.masters) this.#masters.set(master.name, this.#start(master))
    this.#signal?.addEventListener('abort', () => void this.stop(), { once: true })
    if (signal?.aborted) void this.stop()
  }

  #start(master: ServiceSpec['masters'][number]): MasterRunner {
    const { backends, applicationName, strict = false, onEvent } = this.#spec
    return new MasterRunner(master, {
      backends,
      applicationName,
      strict,
      common: { signal: this.#signal, onEvent },
      emit: (name, slave, event) => this.#emit(name, slave, event),
      failed: (error) => {
        this.#failure ??= { error }
        void this.stop()
      },
    })
  }

  #emit(master: string | null, slave: string | null, event: ServiceEventBody): void {
    this.#hub.emit({ at: new Date().toISOString(), master, slave, ...event })
  }

  events({ signal }: { signal?: AbortSignal } = {}): AsyncIterableIterator<ServiceEvent> {
    return this.#hub.read(signal)
  }

  state(): ServiceState {
    const masters = [...this.#masters.values()].map((master) => master.state())
    return { version, startedAt: this.#startedAt, masters }
  }

  pause(slave: string): void {
    this.#find(slave).pause(true)
  }

  resume(slave: string): void {
    this.#find(slave).pause(false)
  }

  #find(name: string): SlaveRunner {
    const all = [...this.#masters.values()].flatMap((master) =>
      [...master.slaves.values()].map((slave) => ({ slave, full: `${master.spec.name}/${slave.spec.name}` })),
    )
    const found = all.filter(({ slave, full }) => slave.spec.name === name || full === name)
    const [only] = found
    if (found.length === 1 && only) return only.slave
    throw new RservError(
      'BAD_ARGUMENT',
      `${found.length === 0 ? 'there is no slave' : 'several masters have a slave'} ${name}`,
      {
        hint: `There are: ${all.map(({ full }) => full).join(', ')}`,
      },
    )
  }

  async reconfigure(spec: ServiceSpec): Promise<void> {
    checkSpec(spec)
    const work = this.#reconfiguring.then(() => this.#reconfigure(spec))
    this.#reconfiguring = work.catch(() => undefined)
    await work
  }

  async #reconfigure(spec: ServiceSpec): Promise<void> {
    if (this.#stopping) return
    this.#spec = spec
    const [added, removed, changed] = [[] as string[], [] as string[], [] as string[]]
    const gone = [...this.#masters.values()].filter(
      (running) =>
        !spec.masters.some((master) => master.name === running.spec.name && sameSource(master, running.spec)),
    )
    for (const { spec: old } of gone) removed.push(...old.slaves.map(({ name }) => `${old.name}/${name}`))
    await Promise.all(gone.map((master) => master.stop()))
    for (const master of gone) this.#masters.delete(master.spec.name)
    for (const master of spec.masters) {
      const full = (name: string): string => `${master.name}/${name}`
      const running = this.#masters.get(master.name)
      if (running) {
        const difference = await running.update(master)
        added.push(...difference.added.map(full))
        removed.push(...difference.removed.map(full))
        changed.push(...difference.changed.map(full))
      } else {
        this.#masters.set(master.name, this.#start(master))
        added.push(...master.slaves.map(({ name }) => full(name)))
      }
    }
    this.#emit(null, null, { kind: 'reconfigured', added, removed, changed })
  }

  refuse(error: unknown): void {
    this.#emit(null, null, { kind: 'configuration-refused', problem: problemOf(error) })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await this.#reconfiguring
    await Promise.allSettled([...this.#masters.values()].map((master) => master.stop()))
    this.#hub.close()
    this.#end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** @throws RservError BAD_ARGUMENT */
function checkSpec({ masters }: ServiceSpec): void {
  refuseTwice(
    masters.map(({ name }) => name),
    'master',
  )
  for (const { slaves } of masters)
    refuseTwice(
      slaves.map(({ name }) => name),
      'slave',
    )
}

function refuseTwice(names: readonly string[], what: string): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return
  throw new RservError('BAD_ARGUMENT', `two ${what}s are called ${twice}`, { hint: 'Give each a name of its own.' })
}
