import { Hono } from 'hono'
import type { Part } from '../part.ts'

/** Milliseconds between two turns that are noted. */
const TURN_MS = 1000
/** A loop that did not turn for so many milliseconds is ill. */
const ILL_MS = 10_000

/** `/healthz`: the process lives and its loop turns. 200, or 503 where the loop was held up. */
export const healthPart: Part = ({ closing }) => {
  let turned = performance.now()
  const timer = setInterval(() => {
    turned = performance.now()
  }, TURN_MS).unref()
  closing.addEventListener('abort', () => clearInterval(timer))
  return new Hono().get('/healthz', (c) => {
    const heldUpMs = Math.max(0, Math.round(performance.now() - turned - TURN_MS))
    const healthy = heldUpMs < ILL_MS
    const uptimeSeconds = Math.round(process.uptime())
    return c.json({ status: healthy ? 'ok' : 'held-up', uptimeSeconds, heldUpMs }, healthy ? 200 : 503)
  })
}
