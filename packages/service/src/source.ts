import { hostname } from 'node:os'
import type { ConfigSource } from '@rserv/core'
import type { SourceSpec } from './spec.ts'

type Config = Exclude<ConfigSource, (...args: never) => unknown>

/** PostgreSQL cuts longer ones off, with a notice. */
const LONGEST_NAME = 63

/** A database as the service connects to it: named in pg_stat_activity, and known for display. */
export class Source {
  readonly #spec: SourceSpec
  readonly #applicationName: string
  #last: Config | undefined

  constructor(spec: SourceSpec, applicationName: string | undefined) {
    this.#spec = spec
    this.#applicationName = (applicationName ?? `rserv on ${hostname()} ${process.pid}`).slice(0, LONGEST_NAME)
    if (typeof spec.source !== 'function') this.#last = spec.source
  }

  /** For display, without a password; empty as long as nobody knows. */
  get display(): string {
    const { host, port, database } = this.#last ?? {}
    const place = [host, port].filter((part) => part !== undefined).join(':')
    return `${database ?? ''}${place === '' ? '' : ` at ${place}`}`
  }

  /** Name of the database, as far as it is known. */
  get database(): string | undefined {
    return this.#last?.database
  }

  /** The configuration of this moment. */
  readonly config = async (): Promise<Config> => {
    const { source } = this.#spec
    const config = typeof source === 'function' ? await source() : source
    this.#last = config
    const own = config.application_name
    return { ...config, application_name: own === undefined || own === 'rserv' ? this.#applicationName : own }
  }
}

/** Is it the same database in two specifications? */
export function sameSource(a: SourceSpec, b: SourceSpec): boolean {
  return identityOf(a) === identityOf(b)
}

function identityOf({ identity, source }: SourceSpec): unknown {
  return identity ?? (typeof source === 'function' ? source : JSON.stringify(source))
}
