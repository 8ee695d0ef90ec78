import { RservError } from '@rserv/core'
import { expect, test } from 'vitest'
import { problemOf } from '../src/index.ts'

const AT = new Date('2026-01-02T03:04:05Z')

test('an error of rserv keeps its code and hint; any other one is INTERNAL', () => {
  const known = new RservError('CONNECT', 'cannot connect', { hint: 'Is it running?' })
  const at = '2026-01-02T03:04:05.000Z'
  expect(problemOf(known, AT)).toEqual({ code: 'CONNECT', message: 'cannot connect', hint: 'Is it running?', at })
  expect(problemOf(new Error('odd'), AT)).toEqual({ code: 'INTERNAL', message: 'odd', hint: null, at })
})
