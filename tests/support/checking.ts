import type { CheckOptions, Finding, FindingCode } from '@rserv/core'
import { check } from '@rserv/core'
import { expect } from 'vitest'
import type { Pair } from './pair.ts'
import { backends } from './pair.ts'

/** What check finds, of the pair. */
export async function findings(pair: Pair, options: Partial<CheckOptions> = {}): Promise<readonly Finding[]> {
  const result = await check(pair.master.config, [pair.slave.config], { backends, ...options })
  return result.findings
}

/** Expects exactly these codes, in any order, and returns the findings. */
export async function expectCodes(
  pair: Pair,
  codes: readonly FindingCode[],
  options: Partial<CheckOptions> = {},
): Promise<readonly Finding[]> {
  const found = await findings(pair, options)
  expect(found.map(({ code }) => code).toSorted(), JSON.stringify(found, null, 1)).toEqual(codes.toSorted())
  for (const { text, fix } of found) expect([text, fix].every((line) => line !== '')).toBe(true)
  return found
}
