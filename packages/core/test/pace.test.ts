import { expect, test } from 'vitest'
import { Pace } from '../src/operations/steady/pace.ts'

/** Rests after transfers of 10 ms at a steady rate, until they settle. */
function settled(rate: number, busyMs = 300): number {
  const pace = new Pace({ idleMs: 200, busyMs })
  let now = 0
  let nextId = 1000
  let rest = 0
  for (let transfer = 0; transfer < 200; transfer++) {
    rest = pace.applied({ elapsedMs: 10, nextId: BigInt(Math.round(nextId)) }, now)
    now += rest + 10
    // Others' transactions, and the transfer's own two.
    nextId += (rate * (rest + 10)) / 1000 + 2
  }
  return rest
}

test('a master with little traffic is looked at again after a breath', () => {
  expect(settled(0)).toBeCloseTo(1)
  expect(settled(500)).toBeCloseTo(1)
})

test('the busier a master, the longer it is left alone, up to a limit', () => {
  const rests = [1000, 1500, 2000, 2500].map((rate) => settled(rate))
  expect(rests).toEqual(rests.toSorted((a, b) => a - b))
  expect(rests[0]).toBeGreaterThan(20)
  expect(settled(10_000)).toBe(290)
  expect(settled(10_000, 50)).toBe(40)
  // Never less than a breath.
  expect(settled(10_000, 0)).toBeCloseTo(1)
})

test('transaction ids that go back, on another server under the same name, are no traffic', () => {
  const pace = new Pace({ idleMs: 200, busyMs: 300 })
  pace.applied({ elapsedMs: 10, nextId: 1_000_000n }, 0)
  expect(pace.applied({ elapsedMs: 10, nextId: 1000n }, 100)).toBeCloseTo(1)
})

test('an idle master is looked at seldom, and the more so the longer it is idle', () => {
  const pace = new Pace({ idleMs: 500, busyMs: 300 })
  pace.nothing('1:1:')
  const waits: number[] = []
  for (let sum = 0; sum < 60_000; sum += waits.at(-1) ?? 0) waits.push(pace.rest())
  expect(waits.slice(0, 6)).toEqual([4, 8, 16, 32, 64, 128])
  expect(waits).toEqual(waits.toSorted((a, b) => a - b))
  expect(waits.filter((wait) => wait <= 200).length).toBeGreaterThan(20)
  expect(waits.at(-1)).toBe(500)
  pace.disturbed()
  expect(pace.rest()).toBe(2)
})
