import { expect, test } from 'vitest'
import { Flow } from '../src/shared/flow.ts'

/** A clock that waits by going on. */
class Clock {
  at = 0
  readonly waits: number[] = []
  readonly now = (): number => this.at
  readonly sleep = async (ms: number): Promise<void> => {
    this.waits.push(ms)
    this.at += ms
  }
}

test('no more bytes pass in a second than allowed, however they come', async () => {
  for (const piece of [100, 1000, 64_000]) {
    const clock = new Clock()
    const flow = new Flow(() => 10_000, clock)
    for (let sent = 0; sent < 640_000; sent += piece) await flow.pass(piece)
    // All but what may pass at once.
    expect(clock.at).toBeCloseTo(64_000 - 100)
  }
})

test('what was not sent in a pause is not sent faster afterwards', async () => {
  const clock = new Clock()
  const flow = new Flow(() => 1000, clock)
  clock.at = 60_000
  await flow.pass(1000)
  expect(clock.at).toBeCloseTo(60_900)
})

test('without a limit nothing waits, and a limit that is lifted holds no longer', async () => {
  const clock = new Clock()
  let limit: number | null = null
  const flow = new Flow(() => limit, clock)
  expect(flow.pass(1_000_000)).toBeNull()
  limit = 1
  const held = flow.pass(1_000_000)
  limit = null
  await held
  expect(clock.waits).toEqual([500])
})
