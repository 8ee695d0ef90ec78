import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'

/** One block of a stream of server-sent events. */
interface Block {
  readonly event?: string
  readonly id?: string
  readonly data?: string
  readonly retry?: string
  readonly comment?: string
}

export interface Events {
  /** @throws where the stream has ended */
  next(): Promise<Block>
  end(): Promise<void>
}

/** Reads server-sent events as a browser does, and no faster than it is asked to. */
export function readEvents(url: string, headers: Record<string, string> = {}): Events {
  const gone = new AbortController()
  const blocks = readBlocks(fetch(url, { signal: gone.signal, headers }))
  return {
    async next() {
      const { value, done } = await blocks.next()
      if (done) throw new Error('the stream has ended')
      return value
    },
    async end() {
      gone.abort()
      await blocks.next().catch(() => undefined)
    },
  }
}

async function* readBlocks(answering: Promise<Response>): AsyncGenerator<Block, void> {
  const answer = await answering
  if (!answer.headers.get('content-type')?.startsWith('text/event-stream')) throw new Error(`status ${answer.status}`)
  let fields: Record<string, string> = {}
  for await (const line of createInterface(Readable.fromWeb(answer.body as ReadableStream))) {
    const [, name = '', value = ''] = /^([^:]*): ?(.*)$/.exec(line) ?? []
    if (line !== '') fields[name === '' ? 'comment' : name] = value
    // What was before the first event belongs to it.
    else if (Object.keys(fields).some((key) => key !== 'retry')) {
      yield fields
      fields = {}
    }
  }
}
