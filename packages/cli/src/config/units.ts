import { z } from 'zod'
import { parseSize } from '../values.ts'

const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86_400 }
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)$/

/** `30s`, `5min`, `1h`, or a number of seconds; as seconds. */
export const duration = z
  .union([z.number().nonnegative(), z.string().regex(DURATION, 'a number of seconds, or one with ms, s, min, h or d')])
  .transform((value) => {
    if (typeof value === 'number') return value
    const [, digits, unit = 's'] = DURATION.exec(value) ?? []
    return Number(digits) * (SECONDS[unit] ?? 1)
  })

/** `20GB`, or a number of bytes; as bytes. */
export const size = z
  .union([
    z.int().positive(),
    z.string().regex(/^\d+(\.\d+)?\s*[kMGT]?B$/i, 'a number of bytes, or one with kB, MB, GB or TB'),
  ])
  .transform((value) => (typeof value === 'number' ? value : (parseSize(value) ?? 0)))
