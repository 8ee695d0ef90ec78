import { expect, test } from 'vitest'
import { displayName, likePattern, parseTablePattern, quoteLiteral, quoteName } from '../src/shared/names.ts'

const part = (text: string, wildcard = false): { text: string; wildcard: boolean } => ({ text, wildcard })

test('names are read as SQL reads them', () => {
  expect(parseTablePattern('Orders')).toEqual({ schema: null, name: part('orders') })
  expect(parseTablePattern('sales.Orders')).toEqual({ schema: part('sales'), name: part('orders') })
  expect(parseTablePattern('"Odd.Name"."x y"')).toEqual({ schema: part('Odd.Name'), name: part('x y') })
  expect(parseTablePattern('"say ""hi"""')).toEqual({ schema: null, name: part('say "hi"') })
  expect(parseTablePattern('sales.*')).toEqual({ schema: part('sales'), name: part('*', true) })
  expect(parseTablePattern('"a*b"')).toEqual({ schema: null, name: part('a*b') })
})

test.each(['', 'a.b.c', '"open', 'a..b', '"a"b', 'a b', '""'])('%j is refused', (text) => {
  expect(() => parseTablePattern(text)).toThrow(expect.objectContaining({ code: 'BAD_NAME' }))
})

test('names and literals are quoted for SQL', () => {
  expect(quoteName({ schema: 'a"b', name: 'c.d' })).toBe('"a""b"."c.d"')
  expect(quoteLiteral(`it's \\ here`)).toBe(` E'it''s \\\\ here'`)
  expect(displayName({ schema: 'public', name: 'Käse' })).toBe('public."Käse"')
  expect(likePattern(part('50%_*', true))).toBe('50\\%\\_%')
})
