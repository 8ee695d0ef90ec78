import type { Case } from './case.ts'
import { catchUpHot, catchUpOltp, catchUpWide } from './catch-up.ts'
import { copyLarge, copyRows } from './initial-copy.ts'
import { growthBacklog, growthRows, growthSlaves, growthTables } from './growth.ts'
import { idle } from './idle.ts'
import { lag } from './lag.ts'
import { logBytes } from './log-bytes.ts'
import { manySlaves } from './many-slaves.ts'
import { manyTables } from './many-tables.ts'
import { clean } from './clean.ts'
import { masterBulk } from './master-bulk.ts'
import { masterOltp } from './master-oltp.ts'
import { memory } from './memory.ts'
import { oltpLive } from './oltp-live.ts'
import { rejoin } from './rejoin.ts'
import { writeStop } from './write-stop.ts'

export const CASES: readonly Case[] = [
  masterOltp,
  oltpLive,
  masterBulk,
  catchUpWide,
  catchUpOltp,
  catchUpHot,
  copyRows,
  copyLarge,
  lag,
  logBytes,
  manyTables,
  idle,
  memory,
  clean,
  manySlaves,
  writeStop,
  rejoin,
  growthRows,
  growthBacklog,
  growthTables,
  growthSlaves,
]
