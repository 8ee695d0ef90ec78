import type { TransferResult } from '@rserv/core'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Replicates until it succeeds. A server may take a while to notice that a replicator is gone, and holds its locks
 * until then; every other refusal is the caller's to judge.
 */
export async function settle(
  sync: () => Promise<TransferResult>,
  passing: readonly string[] = ['BUSY'],
): Promise<TransferResult> {
  for (let tries = 1; ; tries++) {
    try {
      return await sync()
    } catch (error) {
      if (tries > 300 || !passing.includes((error as { code: string }).code)) throw error
      await sleep(100)
    }
  }
}
