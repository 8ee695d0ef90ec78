import type { Case } from './case.ts'
import { catchUpHot, catchUpOltp, catchUpWide } from './catch-up.ts'
import { copyLarge, copyRows } from './initial-copy.ts'
import { logBytes } from './log-bytes.ts'
import { manyTables } from './many-tables.ts'
import { masterBulk } from './master-bulk.ts'
import { masterOltp } from './master-oltp.ts'

export const CASES: readonly Case[] = [
  masterOltp,
  masterBulk,
  catchUpWide,
  catchUpOltp,
  catchUpHot,
  copyRows,
  copyLarge,
  logBytes,
  manyTables,
]
