import type { FollowEvent, SlaveBacklog, SlaveStatus } from '@rserv/core'
import { expect, test } from 'vitest'
import { SlaveBook } from '../src/slave-book.ts'

const TABLE = { schema: 'public', name: 't' }
const IN_SYNC = { kind: 'in-sync', result: { syncId: '1' } } as FollowEvent

function bookOf(): SlaveBook {
  const book = new SlaveBook()
  book.describe({
    tables: [{ table: TABLE, state: 'synced', parked: null }],
    syncId: '1',
    appliedAt: null,
  } as unknown as SlaveStatus)
  return book
}

/** What the master counts before a confirmation has reached it. */
function counted(rows: number): SlaveBacklog {
  const tables = [{ table: TABLE, rows, keys: null }] as unknown as SlaveBacklog['tables']
  return { server: 's', nodeId: null, syncId: '1', rows, positionAge: 1, tables }
}

function rowsBehind(book: SlaveBook): number | null | undefined {
  return book.state({ name: 's', database: 'd' }, true).tables[0]?.rowsBehind
}

test('a count that was asked for before it was found in sync says nothing any more when it comes', () => {
  const book = bookOf()
  book.follow(IN_SYNC, 2000)
  book.measure(counted(2), 1900)
  expect(rowsBehind(book)).toBe(0)
  book.measure(counted(2), 2100)
  expect(rowsBehind(book)).toBe(2)
})
