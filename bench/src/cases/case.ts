import type { ContenderName } from '../contenders/contender.ts'
import type { Options } from '../options.ts'
import type { Servers } from '../servers.ts'

export interface Context {
  readonly servers: Servers
  readonly options: Options
  /** The case's contenders that take part in this run. */
  readonly contenders: readonly ContenderName[]
  /** Says what is being done, on standard error. */
  readonly say: (text: string) => void
}

export interface Metric {
  readonly key: string
  readonly label: string
  readonly unit: string
  /** Contender that rserv's figure is divided by (or divides, see `ratio`); undefined: the figure itself is judged. */
  readonly against?: ContenderName
  /** `rserv/other`: rserv's figure as a share of the other's; `other/rserv`: how many times as fast. */
  readonly ratio?: 'rserv/other' | 'other/rserv'
  readonly must: { readonly atLeast: number } | { readonly atMost: number } | null
  readonly aim: { readonly atLeast: number } | { readonly atMost: number } | null
}

/** Figures of one run, by name. */
export type Sample = Record<string, number>

/** A case that holds what its runs share: templates, databases. */
export interface Running extends AsyncDisposable {
  /** One run; throws when the sides differ afterwards. */
  measure(contender: ContenderName, round: number): Promise<Sample>
}

export interface Case {
  readonly name: string
  readonly title: string
  /** In the order in which they take turns. */
  readonly contenders: readonly ContenderName[]
  readonly metrics: readonly Metric[]
  /** Runs of each contender as a multiple of the option; default 1. */
  readonly roundsFactor?: number
  /** Samples have a figure for each size, by its number; drawn as a line. */
  readonly growth?: { readonly of: string; readonly unit: string }
  start(context: Context): Promise<Running>
}
