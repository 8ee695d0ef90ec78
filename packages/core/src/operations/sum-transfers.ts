import type { TransferResult } from './replicate.ts'

/**
 * What several transfers one after another came to.
 * @param last one of them: where the slave is now
 */
export function sumTransfers(all: readonly TransferResult[], last: TransferResult): TransferResult {
  const sum = (of: (one: TransferResult) => number): number => all.reduce((total, one) => total + of(one), 0)
  return {
    ...last,
    outcome: all.some(({ outcome }) => outcome === 'applied') ? 'applied' : last.outcome,
    tables: all.flatMap(({ tables }) => tables),
    scripts: all.flatMap(({ scripts }) => scripts),
    bytes: sum(({ bytes }) => bytes),
    elapsedMs: sum(({ elapsedMs }) => elapsedMs),
  }
}
