import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { get } from 'node:http'
import { createInterface } from 'node:readline'
import type { ServiceState } from '@rserv/service'
import { expect, test } from 'vitest'
import { startWeb } from '../src/index.ts'
import { ask } from './asking.ts'
import { readEvents } from './reading-events.ts'
import { FULL } from './states.ts'

/** A state that is another one each time, and large. */
function restless(size: number): { state: () => ServiceState; asked: () => number } {
  let number = 0
  return { state: () => ({ ...FULL, version: `${++number} ${'x'.repeat(size)}` }), asked: () => number }
}

test('a reader has the state at once, then heartbeats while nothing changes, then the change', async () => {
  let state = FULL
  await using web = await startWeb({ state: () => state }, [], { everyMs: 5, heartbeatMs: 20 })
  const events = readEvents(`${web.url}/api/events`)
  const first = await events.next()
  expect(first).toMatchObject({ event: 'state', id: '1', retry: '2000' })
  expect(JSON.parse(first.data ?? '')).toEqual(FULL)
  expect(await events.next()).toEqual({ comment: 'still here' })
  state = { ...FULL, version: '2' }
  let next = await events.next()
  while (next.comment) next = await events.next()
  expect(next).toMatchObject({ event: 'state', id: '2' })
  expect(JSON.parse(next.data ?? '')).toEqual(state)
  await events.end()
})

test('who reads slowly gets the newest state next; nothing piles up for them', async () => {
  const { state, asked } = restless(1_000_000)
  await using web = await startWeb({ state }, [], { everyMs: 1 })
  const asking = get(`${web.url}/api/events`)
  // Nothing is read from it until there is somebody who does.
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  const quick = readEvents(`${web.url}/api/events`)
  while (asked() < 150) await quick.next()
  await quick.end()
  const before = asked()
  const ids: number[] = []
  for await (const line of createInterface(answer)) {
    if (line.startsWith('id: ')) ids.push(Number(line.slice(4)))
    if ((ids.at(-1) ?? 0) > before) break
  }
  // What is on its way fits into buffers of the network; the others were left out.
  expect(ids.length).toBeLessThan(before / 2)
  answer.destroy()
})

test('readers are bounded, and their places become free', async () => {
  await using web = await startWeb({ state: () => FULL })
  const url = `${web.url}/api/events`
  const readers = Array.from({ length: 64 }, () => readEvents(url))
  for (const reader of readers) await reader.next()
  expect(await ask(url)).toMatchObject({ status: 503, headers: { 'retry-after': '10' } })
  await readers[0]?.end()
  const tryAgain = async (): Promise<string | undefined> => {
    const reader = readEvents(url)
    const block = await reader.next().catch(() => undefined)
    await reader.end()
    return block?.event
  }
  await expect.poll(tryAgain).toBe('state')
  await Promise.all(readers.slice(1).map((reader) => reader.end()))
})

test('closing the server ends what is being read', async () => {
  const web = await startWeb({ state: () => FULL })
  const events = readEvents(`${web.url}/api/events`)
  await events.next()
  await web.close()
  await expect(events.next()).rejects.toThrow(/ended|terminated|aborted/)
  await expect(fetch(web.url)).rejects.toThrow('fetch failed')
})

test('that a slave was looked at again is no news, and is told with the next', async () => {
  let looks = 0
  const state = (): ServiceState => {
    const lookedAt = new Date(++looks).toISOString()
    const masters = FULL.masters.map((one) => ({ ...one, slaves: one.slaves.map((slave) => ({ ...slave, lookedAt })) }))
    return { ...FULL, masters }
  }
  await using web = await startWeb({ state }, [], { everyMs: 5, heartbeatMs: 50 })
  const events = readEvents(`${web.url}/api/events`)
  expect(await events.next()).toMatchObject({ event: 'state', id: '1' })
  expect(await events.next()).toEqual({ comment: 'still here' })
  expect(looks).toBeGreaterThan(2)
  const now = async (): Promise<string> => (await ask(`${web.url}/api/state`)).body
  expect(await now()).not.toBe(await now())
  await events.end()
})
