import type { Database } from './database.ts'

/** Seconds that the work takes. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return (performance.now() - started) / 1000
}

/** Writes out what former work left behind, so that it does not disturb what is measured next. */
export async function settle(...databases: Database[]): Promise<void> {
  for (const database of databases) await database.run('checkpoint')
}
