import { setTimeout } from 'node:timers/promises'
import type { TestDatabase } from '@rserv/test-utils'

/** Writes without a pause until it is disposed of. */
export interface Writer extends AsyncDisposable {
  /** Ends the writing; throws what a statement threw. */
  stop(): Promise<void>
}

/**
 * An application that goes on writing: runs `statement(n)` for n = 1, 2, 3, … on a connection of its own, each in a
 * transaction of its own.
 */
export async function startWriter(database: TestDatabase, statement: (round: number) => string): Promise<Writer> {
  const client = await database.connect()
  const stopped = new AbortController()
  const work = async (): Promise<void> => {
    for (let round = 1; !stopped.signal.aborted; round++) {
      await client.query(statement(round))
      await setTimeout(1)
    }
  }
  const done = work()
  // It is reported by stop().
  done.catch(() => undefined)
  const stop = async (): Promise<void> => {
    stopped.abort()
    await done
  }
  return { stop, [Symbol.asyncDispose]: () => stop().catch(() => undefined) }
}
