import { Hono } from 'hono'
import type { Part } from '../part.ts'
import { LoopWatch } from './loop-watch.ts'

/** A loop that does not turn for so many milliseconds is ill. */
const ILL_MS = 10_000

/**
 * `/healthz`: the process lives and its loop turns. 200, or 503 where the loop is held up; a process that does not even
 * answer is what a supervisor's timeout is for. Says nothing about databases: no restart brings one back.
 */
export const healthPart: Part = ({ watched, closing }) => {
  const loop = new LoopWatch()
  closing.addEventListener('abort', () => loop.stop())
  return new Hono().get('/healthz', (c) => {
    const healthy = loop.now < ILL_MS
    const { version, startedAt } = watched.state()
    const answer = {
      status: healthy ? 'ok' : 'held-up',
      version,
      startedAt,
      /** Of the last minute. */
      longestHeldUpMs: loop.longest,
    }
    return c.json(answer, healthy ? 200 : 503)
  })
}
