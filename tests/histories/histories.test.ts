import fc from 'fast-check'
import { expect, test } from 'vitest'
import { history } from './model.ts'
import { runHistory } from './run-history.ts'
import type { World } from './world.ts'
import { createWorld, noFigures } from './world.ts'

/** Minutes of `npm run soak`; without it a short run. */
const MINUTES = Number(process.env['RSERV_SOAK_MINUTES'] ?? '0.6')
const SEED = Number(process.env['RSERV_SOAK_SEED'] ?? Date.now() % 2 ** 31)

test(`cases 25 to 34: random histories; RSERV_SOAK_SEED=${SEED}`, { timeout: MINUTES * 60_000 + 600_000 }, async () => {
  const figures = noFigures()
  let world: World | undefined
  const live = fc.asyncProperty(history, async (events) => {
    world ??= await createWorld(figures)
    try {
      await runHistory(world, events)
    } catch (error) {
      // What it left behind must not disturb the next one.
      await world[Symbol.asyncDispose]()
      world = undefined
      throw error
    }
  })
  const started = performance.now()
  try {
    await fc.assert(live, {
      seed: SEED,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: MINUTES * 60_000,
      markInterruptAsFailure: false,
    })
  } finally {
    const minutes = ((performance.now() - started) / 60_000).toFixed(1)
    process.stdout.write(`histories, seed ${SEED}, ${minutes} minutes: ${JSON.stringify(figures)}\n`)
    await world?.[Symbol.asyncDispose]()
  }
  expect(figures.histories).toBeGreaterThan(0)
})
