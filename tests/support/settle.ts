import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Replicates, or does something else, until it succeeds. A server may take a while to notice that a replicator is gone, and holds its locks
 * until then; every other refusal is the caller's to judge.
 */
export async function settle<Result>(
  sync: () => Promise<Result>,
  passing: readonly string[] = ['BUSY'],
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      return await sync()
    } catch (error) {
      if (tries > 300 || !passing.includes((error as { code: string }).code)) throw error
      await sleep(100)
    }
  }
}
