import { describe, expect, test } from 'vitest'
import { UsageError } from '../src/errors.ts'
import { columns, number, parseSize, positive, syncId, whole } from '../src/values.ts'

describe('columns', () => {
  test.each([
    ['id', ['id']],
    ['Order_ID, line', ['order_id', 'line']],
    ['"Order ID",line', ['Order ID', 'line']],
    ['"a,b","say ""hi"""', ['a,b', 'say "hi"']],
  ])('%s', (text, expected) => {
    expect(columns(text)).toEqual(expected)
  })

  test.each(['', ',', 'a,,b', '"open', '"a"b'])('refused: %s', (text) => {
    expect(() => columns(text)).toThrow(UsageError)
  })
})

describe('sync ids', () => {
  test('up to the largest bigint', () => {
    expect(syncId('9223372036854775807')).toBe(9_223_372_036_854_775_807n)
  })

  test.each(['', '-1', '1.0', '0x10', 'abc', '9223372036854775808', '1 2'])('refused: %s', (text) => {
    expect(() => syncId(text)).toThrow(UsageError)
  })
})

describe('numbers', () => {
  test('with fraction, positive, whole', () => {
    expect(number({ olderThan: '0.5' }, 'olderThan')).toBe(0.5)
    expect(positive({ lockTimeout: '0.5' }, 'lockTimeout')).toBe(0.5)
    expect(whole({ attempts: '3' }, 'attempts')).toBe(3)
    expect(whole({}, 'attempts')).toBeUndefined()
  })

  test('refused', () => {
    expect(() => number({ olderThan: '1h' }, 'olderThan')).toThrow(/--older-than/)
    expect(() => positive({ lockTimeout: '0' }, 'lockTimeout')).toThrow(/--lock-timeout/)
    expect(() => whole({ attempts: '1.5' }, 'attempts')).toThrow(/--attempts/)
  })
})

test.each([
  ['100', 100],
  ['1kB', 1024],
  ['1.5 MB', 1_572_864],
  ['2gb', 2 * 1024 ** 3],
  ['1 TB', 1024 ** 4],
  ['5 apples', undefined],
  ['-1', undefined],
  ['', undefined],
])('size %s', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})
