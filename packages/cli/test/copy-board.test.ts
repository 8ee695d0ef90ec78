import type { RservEvent } from '@rserv/core'
import { expect, test } from 'vitest'
import { CopyBoard } from '../src/copy-board.ts'

const START = Date.parse('2026-01-01T00:00:00Z')

function event(name: string, figures: Partial<RservEvent>): RservEvent {
  const table = { schema: 'public', name }
  return {
    kind: 'progress',
    message: '',
    table,
    copy: 'copying',
    rowsDone: 0,
    rowsTotal: 1000,
    bytesDone: 0,
    bytesTotal: 100_000,
    startedAt: new Date(START).toISOString(),
    etaSeconds: null,
    ...figures,
  }
}

test('one table: rows, bytes, rate and time left', () => {
  const board = new CopyBoard()
  board.tell(event('t', { rowsDone: 250, bytesDone: 50_000, etaSeconds: 30 }))
  expect(board.bars(START + 10_000)).toEqual([
    'copying   [#####---------------]  25 %  0 of 1 table, 250 rows, 50.0 kB, 5.0 kB/s, 0:30 left',
  ])
  expect(board.line(START + 10_000)).toBe('copying: 25 %, 0 of 1 table, 250 rows, 50.0 kB, 5.0 kB/s, 0:30 left')
  expect(board.done).toBe(false)
})

test('several tables: a line for all, where each counts by its size, and one for each that is being copied', () => {
  const board = new CopyBoard()
  const waiting = { copy: 'waiting', startedAt: null } as const
  board.tell(event('first', { copy: 'copied', rowsDone: 2_000_000, bytesDone: 900_000_000, bytesTotal: 500_000_000 }))
  board.tell(event('second', { rowsDone: 500, bytesDone: 100_000_000, bytesTotal: 250_000_000, etaSeconds: 100 }))
  board.tell(event('the third', { ...waiting, bytesTotal: 250_000_000 }))
  expect(board.bars(START + 100_000)).toEqual([
    'copying   [############--------]  62 %  1 of 3 tables, 2,000,500 rows, 1.0 GB, 10.0 MB/s, 1:00 left',
    '  public.second  [##########----------]  50 %  500 rows, 100 MB, 1.0 MB/s, 1:40 left',
  ])
})

test('more rows than were estimated, no estimate at all, and nothing yet', () => {
  const board = new CopyBoard()
  board.tell(event('t', { rowsDone: 5000 }))
  expect(board.line(START)).toBe('copying: 99 %, 0 of 1 table, 5,000 rows, 0 B, 0:00 left')
  board.tell(event('t', { rowsTotal: null, rowsDone: 10, bytesDone: 30_000 }))
  expect(board.line(START + 3_600_000)).toContain('copying: 30 %, 0 of 1 table, 10 rows, 30.0 kB, 8 B/s, 2:20:00 left')
  board.tell(event('t', { copy: 'waiting', startedAt: null }))
  expect(board.line(START)).toBe('copying: 0 %, 0 of 1 table, 0 rows, 0 B')
  board.tell(event('t', { copy: 'copied', rowsDone: 1, bytesDone: 10 }))
  expect(board.line(START + 2000)).toBe('copied: 1 of 1 table, 1 row, 10 B, 5 B/s')
  expect(board.done).toBe(true)
})
