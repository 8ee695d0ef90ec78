import { expect, test } from 'vitest'
import { count, json, table } from '../src/output.ts'
import { shellQuote } from '../src/shell-quote.ts'

test('columns are aligned, numbers to the right', () => {
  const text = table(
    ['table', 'rows'],
    [
      ['public.orders', '7'],
      ['x', '1234'],
    ],
  )
  expect(text.split('\n')).toEqual([
    'table          rows',
    '-------------  ----',
    'public.orders     7',
    'x              1234',
  ])
})

test('bigints are strings in JSON', () => {
  expect(JSON.parse(json({ id: 9_223_372_036_854_775_807n, n: 1, none: null }))).toEqual({
    id: '9223372036854775807',
    n: 1,
    none: null,
  })
})

test('counts', () => {
  expect([count(0, 'row'), count(1, 'row'), count(2, 'row')]).toEqual(['0 rows', '1 row', '2 rows'])
})

test('words for a shell', () => {
  expect(shellQuote('plain/word-1.x')).toBe('plain/word-1.x')
  expect(shellQuote(`it's $HOME`)).toBe(`'it'\\''s $HOME'`)
})
