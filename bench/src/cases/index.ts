import type { Case } from './case.ts'
import { catchUpHot, catchUpOltp, catchUpWide } from './catch-up.ts'
import { masterBulk } from './master-bulk.ts'
import { masterOltp } from './master-oltp.ts'

export const CASES: readonly Case[] = [masterOltp, masterBulk, catchUpWide, catchUpOltp, catchUpHot]
