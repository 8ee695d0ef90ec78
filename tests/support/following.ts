import { EventEmitter, once } from 'node:events'
import type { FollowEvent, FollowOptions, Point } from '@rserv/core'
import { follow } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'

export interface Following {
  /** Points reached, in order. */
  readonly points: Point[]
  readonly events: FollowEvent[]
  /** Waits for an event after all that have been waited for. */
  next(kind: FollowEvent['kind']): Promise<FollowEvent>
  stop(): Promise<void>
}

type Side = Pick<TestDatabase, 'config'>

/** Follows the pair in the background. */
export function startFollowing(pair: { master: Side; slave: Side }, options: FollowOptions = {}): Following {
  const stop = new AbortController()
  const events: FollowEvent[] = []
  const points: Point[] = []
  const arrivals = new EventEmitter()
  let seen = 0
  const run = async (): Promise<void> => {
    for await (const event of follow(pair.master.config, pair.slave.config, {
      stop: stop.signal,
      retryMs: 500,
      ...options,
      onEvent: (event) => {
        if (event.point) points.push(event.point)
        options.onEvent?.(event)
      },
    })) {
      events.push(event)
      arrivals.emit('event')
    }
  }
  const done = run()
  return {
    events,
    points,
    async next(kind) {
      for (;;) {
        const at = events.findIndex((event, index) => index >= seen && event.kind === kind)
        const event = events[at]
        if (event) {
          seen = at + 1
          return event
        }
        await Promise.race([once(arrivals, 'event'), done.then(() => Promise.reject(new Error('it has ended')))])
      }
    },
    async stop() {
      stop.abort()
      await done
    },
  }
}
