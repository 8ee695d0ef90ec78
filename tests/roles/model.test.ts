import fc from 'fast-check'
import { expect, test } from 'vitest'
import { noFigures } from './figures.ts'
import { createRoles } from './roles-world.ts'
import type { Happening } from './roles-world.ts'

/** Minutes of a longer run; without it a short one. */
const MINUTES = Number(process.env['RSERV_SOAK_MINUTES'] ?? '0.4')
const SEED = Number(process.env['RSERV_SOAK_SEED'] ?? Date.now() % 2 ** 31)

const POINTS = [
  'roles.checked',
  'roles.fenced',
  'roles.last-transfer',
  'roles.sequences',
  'roles.promoted',
  'roles.reported',
  'roles.handed-over',
  'roles.adopted',
] as const

const happening: fc.Arbitrary<Happening> = fc.record({
  what: fc.oneof(
    { weight: 6, arbitrary: fc.constant('write' as const) },
    { weight: 5, arbitrary: fc.constant('sync' as const) },
    { weight: 2, arbitrary: fc.constant('switchover' as const) },
    { weight: 2, arbitrary: fc.constant('promote' as const) },
    { weight: 2, arbitrary: fc.constant('rejoin' as const) },
    { weight: 2, arbitrary: fc.constant('repoint' as const) },
    { weight: 1, arbitrary: fc.constant('feed from the old' as const) },
    { weight: 1, arbitrary: fc.constant('clock' as const) },
    { weight: 1, arbitrary: fc.constant('replace' as const) },
  ),
  a: fc.nat(100),
  b: fc.nat(100),
  keys: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 }),
  remove: fc.boolean(),
  crashAt: fc.option(fc.constantFrom(...POINTS), { freq: 3 }),
  cut: fc.boolean(),
})

test(`random changes of roles; RSERV_SOAK_SEED=${SEED}`, { timeout: MINUTES * 60_000 + 600_000 }, async () => {
  const figures = noFigures()
  let last = Promise.resolve()
  const oneHistory = async (nodes: number, happenings: Happening[]): Promise<void> => {
    await using world = await createRoles(nodes, figures)
    for (const one of happenings) await world.happen(one)
    await world.settle()
    figures.histories++
  }
  const property = fc.asyncProperty(
    fc.integer({ min: 3, max: 5 }),
    fc.array(happening, { minLength: 5, maxLength: 25 }),
    (nodes, happenings) => (last = oneHistory(nodes, happenings)),
  )
  try {
    await fc.assert(property, {
      seed: SEED,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: MINUTES * 60_000,
      markInterruptAsFailure: false,
      endOnFailure: process.env['RSERV_SHRINK'] === undefined,
    })
    // The time limit does not wait for the history that it interrupts.
    await last
  } finally {
    process.stdout.write(`${JSON.stringify(figures)}\n`)
  }
  expect(figures.histories).toBeGreaterThan(0)
})
