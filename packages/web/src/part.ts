import type { ServiceState } from '@rserv/service'
import type { Hono } from 'hono'
import type { StateFeed } from './api/state-feed.ts'

/** What is looked at: a `Service`, or anything else that has a state. */
export interface Watched {
  /** Cheap, in memory, without a secret. */
  state(): ServiceState
}

/** What a part of the site has at hand. */
export interface Site {
  readonly watched: Watched
  /** The state as it is shown: without secrets, and told when it changes. */
  readonly feed: StateFeed
  /** Milliseconds without anything to send after which a stream shows that it lives. */
  readonly heartbeatMs: number
  /** Aborted when the server closes: ends what is still being sent. */
  readonly closing: AbortSignal
}

/**
 * A part of the site: its routes, with their whole paths. Who may ask, from where, and the headers of answers are no
 * concern of a part: the server sees to them before and after. A method other than GET and HEAD only arrives from the
 * site's own pages, or from programs.
 */
export type Part = (site: Site) => Hono
