import { expect, test } from 'vitest'
import { redact } from '../../src/connection/redact.ts'

test.each([
  ['postgres://repl:s3cret@db/shop', 'postgres://repl:***@db/shop'],
  ['two postgresql://a:p@ss@h/x and postgres://b:q@h/y', 'two postgresql://a:***@h/x and postgres://b:***@h/y'],
  ['postgres://db:5432/shop', 'postgres://db:5432/shop'],
  [`host=h password='it\\'s a' user=u`, 'host=h password=*** user=u'],
  ['postgres://h/d?password=abc&user=u', 'postgres://h/d?password=***&user=u'],
])('%s', (text, expected) => {
  expect(redact(text, [])).toBe(expected)
})

test('secrets that came up, wherever they are', () => {
  expect(redact('refused hunter22 for hunter22', ['hunter22'])).toBe('refused *** for ***')
})

test('secrets of three letters or fewer would blacken innocent text', () => {
  expect(redact('a database', ['a'])).toBe('a database')
})
