import { expect, test } from 'vitest'
import { canReceive } from '../src/apply/types-fit.ts'

test.each([
  ['integer', 'integer'],
  ['bigint', 'integer'],
  ['numeric', 'bigint'],
  ['text', 'character varying(10)'],
  ['character varying(20)', 'character varying(10)'],
  ['text', 'uuid'],
  ['numeric', 'numeric(10,2)'],
  ['numeric(12,2)', 'numeric(10,2)'],
  ['timestamp without time zone', 'timestamp(3) without time zone'],
  ['"Odd".mood[]', '"Odd".mood[]'],
])('%s takes %s', (target, source) => {
  expect(canReceive(target, source)).toBe(true)
})

test.each([
  ['integer', 'bigint'],
  ['timestamp without time zone', 'timestamp with time zone'],
  ['timestamp with time zone', 'timestamp without time zone'],
  ['character varying(5)', 'character varying(10)'],
  ['character varying(5)', 'text'],
  ['numeric(10,3)', 'numeric(10,2)'],
  ['jsonb', 'json'],
  ['text', 'timestamp with time zone'],
  ['a.mood', 'b.mood'],
])('%s does not take %s', (target, source) => {
  expect(canReceive(target, source)).toBe(false)
})
