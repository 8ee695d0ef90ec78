import { Hono } from 'hono'
import type { SSEStreamingApi } from 'hono/streaming'
import { streamSSE } from 'hono/streaming'
import type { Part, Site } from '../part.ts'

/** Readers at once; one more is told to come back. */
const MOST_READERS = 64
/** Milliseconds that a reader may take to accept what it is sent. */
const PATIENCE_MS = 30_000
/** Milliseconds after which a browser that lost the connection asks again. */
const RETRY_MS = 2000

/**
 * `/api/events`: server-sent events. Each is named `state` and has the whole ServiceState: at once, then after changes.
 * A reader that is slower than the changes misses those between.
 */
export const eventsPart: Part = (site) => {
  let readers = 0
  return new Hono().get('/api/events', (c) => {
    if (readers >= MOST_READERS) return c.text('too many readers of events\n', 503, { 'retry-after': '10' })
    readers++
    return streamSSE(c, async (stream) => {
      const gone = new AbortController()
      stream.onAbort(() => gone.abort())
      const ended = AbortSignal.any([gone.signal, site.closing])
      try {
        await send(stream, site, ended)
      } finally {
        readers--
      }
    })
  })
}

async function send(stream: SSEStreamingApi, { feed, heartbeatMs }: Site, ended: AbortSignal): Promise<void> {
  await inTime(stream.write(`retry: ${RETRY_MS}\n\n`))
  let version = 0
  while (!ended.aborted) {
    const shown = await feed.after(version, { timeoutMs: heartbeatMs, signal: ended })
    if (ended.aborted) return
    if (!shown) {
      await inTime(stream.write(': still here\n\n'))
      continue
    }
    version = shown.version
    await inTime(stream.writeSSE({ event: 'state', id: String(version), data: shown.json }))
  }
}

/** @throws when the reader does not take it in time; that ends the connection */
async function inTime(sent: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the reader of events has stopped reading')), PATIENCE_MS)
  })
  await Promise.race([sent, late]).finally(() => clearTimeout(timer))
}
