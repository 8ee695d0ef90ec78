import { expect, test } from 'vitest'
import { includes, join, meet, xmaxOf, xminOf } from '../src/shared/position.ts'

test('a position includes itself and earlier ones', () => {
  expect(includes('10:20:12,15', '10:20:12,15')).toBe(true)
  expect(includes('20:25:', '10:20:12,15')).toBe(true)
  expect(includes('10:20:12,15', '20:25:')).toBe(false)
})

test('a transaction that ended decides, whatever the numbers say (cases 25, 26)', () => {
  expect(includes('10:20:12,15', '10:20:12')).toBe(false)
  expect(includes('10:20:12', '10:20:12,15')).toBe(true)
  // Neither has seen all of the other.
  expect(includes('10:20:12', '10:20:15')).toBe(false)
  expect(includes('10:20:15', '10:20:12')).toBe(false)
})

test('a larger xmax whose additional transactions all run is no later', () => {
  expect(includes('10:20:', '10:22:20,21')).toBe(true)
  expect(includes('10:20:', '10:22:20')).toBe(false)
})

test('meet is what both have seen, join what either has', () => {
  expect(meet('10:20:12', '10:18:15')).toBe('12:18:12,15')
  expect(join('10:20:12,15', '10:18:15')).toBe('15:20:15')
  expect(join('10:12:', '15:20:16')).toBe('16:20:16')
  for (const [a, b] of [
    ['10:20:12', '10:18:15'],
    ['5:9:5,7', '30:40:33'],
  ] as const) {
    expect(includes(a, meet(a, b)) && includes(b, meet(a, b))).toBe(true)
    expect(includes(join(a, b), a) && includes(join(a, b), b)).toBe(true)
  }
})

test('ids beyond 2^32 and 2^53 stay exact (cases 38, 39)', () => {
  const far = '18446744073709551610:18446744073709551614:18446744073709551612'
  expect(xminOf(far)).toBe('18446744073709551610')
  expect(xmaxOf(far)).toBe('18446744073709551614')
  expect(includes(far, '4294967295:4294967300:')).toBe(true)
  expect(includes('9007199254740993:9007199254740993:', '9007199254740992:9007199254740992:')).toBe(true)
  expect(includes('9007199254740992:9007199254740992:', '9007199254740993:9007199254740993:')).toBe(false)
})
