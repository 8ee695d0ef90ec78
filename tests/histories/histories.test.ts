import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { History } from './model.ts'
import { history } from './model.ts'
import { runHistory } from './run-history.ts'
import type { World } from './world.ts'
import { createWorld, noFigures } from './world.ts'

/** Minutes of `npm run soak`; without it a short run. */
const MINUTES = Number(process.env['RSERV_SOAK_MINUTES'] ?? '0.6')
const SEED = Number(process.env['RSERV_SOAK_SEED'] ?? Date.now() % 2 ** 31)

/** Drops every 5th key of every log: few enough that most statements are logged, so many that no seed misses it. */
const DROP_KEYS = `create sequence if not exists rserv.seen;
  create or replace function rserv.drop_keys() returns trigger language plpgsql as $$ begin
    if nextval('rserv.seen') % 5 = 0 then return null; end if; return new; end $$;
  do $$ declare id int; begin
    for id in select table_id from rserv.replicated_table loop
      execute format('create trigger drop_keys before insert on rserv.%I for each row execute function rserv.drop_keys()', 'log_' || id);
    end loop; end $$`

test('random histories catch a capture that loses keys', { timeout: 300_000 }, async () => {
  const lossy = fc.asyncProperty(history, async (events) => {
    const world = await createWorld(noFigures(), DROP_KEYS)
    try {
      // One that follows waits for ever for what never comes.
      await runHistory(world, { ...events, followed: false })
    } finally {
      await world[Symbol.asyncDispose]()
    }
  })
  const { failed, errorInstance } = await fc.check(lossy, { seed: SEED, numRuns: 60, endOnFailure: true })
  expect({ failed, error: String(errorInstance) }).toMatchObject({
    failed: true,
    error: expect.stringMatching(/expected|violates/),
  })
})

test(`cases 25 to 34: random histories; RSERV_SOAK_SEED=${SEED}`, { timeout: MINUTES * 60_000 + 600_000 }, async () => {
  const figures = noFigures()
  let world: World | undefined
  let last = Promise.resolve()
  const live = fc.asyncProperty(history, (events) => (last = oneHistory(events)))
  const oneHistory = async (events: History): Promise<void> => {
    world ??= await createWorld(figures)
    try {
      await runHistory(world, events)
    } catch (error) {
      // What it left behind must not disturb the next one.
      await world[Symbol.asyncDispose]()
      world = undefined
      throw error
    }
  }
  const started = performance.now()
  try {
    await fc.assert(live, {
      seed: SEED,
      numRuns: 1_000_000,
      interruptAfterTimeLimit: MINUTES * 60_000,
      markInterruptAsFailure: false,
    })
    // The time limit does not wait for the history that it interrupts.
    await last
  } finally {
    const minutes = ((performance.now() - started) / 60_000).toFixed(1)
    process.stdout.write(`histories, seed ${SEED}, ${minutes} minutes: ${JSON.stringify(figures)}\n`)
    await world?.[Symbol.asyncDispose]()
  }
  expect(figures.histories).toBeGreaterThan(0)
  expect(figures.copies).toBeGreaterThan(0)
})
