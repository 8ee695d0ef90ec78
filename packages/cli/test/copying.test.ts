import { expect, test } from 'vitest'
import { runHere } from './in-process.ts'
import type { CliPair } from './support.ts'
import { databases, setUp } from './support.ts'

/** Two tables that are large enough to be copied apart, and a small one. */
async function largePair(): Promise<CliPair> {
  const pair = await databases(
    'create table x (id int primary key, v text); create table y (id int primary key, v text); create table small (id int primary key)',
  )
  await pair.master.query(`insert into x select i, repeat('x', 1000) from generate_series(1, 20000) i;
    insert into y select * from x; insert into small values (1)`)
  await setUp(pair)
  return pair
}

async function copyAgain(pair: CliPair, args: string[], columns?: number): ReturnType<typeof runHere> {
  expect(await runHere(['resync', pair.master.uri, pair.slave.uri])).toMatchObject({ code: 0 })
  const given = columns === undefined ? {} : { columns }
  const run = await runHere(['replicate', pair.master.uri, pair.slave.uri, ...args], given)
  expect(run.code, run.stderr).toBe(0)
  return run
}

test(
  'large tables are copied with bars on a terminal, and the result is the same everywhere',
  { timeout: 240_000 },
  async () => {
    await using pair = await largePair()
    const shown = await copyAgain(pair, [], 100)
    expect(shown.stderr).toMatch(/copying {3}\[-{20}\] {3}0 % {2}0 of 2 tables, 0 rows/)
    expect(shown.stderr).toContain('copying   [####################] 100 %  2 of 2 tables, 40,000 rows, 40.')
    // Each is taken away before the next, at last before the result.
    const drawn = shown.stderr.split('\u001B[0J')
    expect(drawn.at(-1)).toBe('')
    for (const screen of drawn) for (const line of screen.split('\n')) expect(line.length).toBeLessThan(100 + 10)
    expect(shown.stdout).toMatch(/^Slave .* is at SyncID \d+/)
    expect(shown.stdout).toContain('  public.x: 20000 rows copied')
    expect(shown.stdout).toContain('  public.small: 1 row copied')

    const plain = await copyAgain(pair, ['--jobs', '1'])
    // A line every few seconds, where it takes so long.
    for (const line of plain.stderr.split('\n').filter(Boolean))
      expect(line).toMatch(/^(copying: \d+ %,|copied:) \d of 2 tables, /)
    const quiet = await copyAgain(pair, ['--noverbose'], 80)
    expect(quiet.stderr).toBe('')
    const told = await copyAgain(pair, ['--verbose', '--jobs', '2'])
    expect(told.stderr).toMatch(/public\.y: 20000 rows, 20\d{6} bytes copied/)
    const json = await copyAgain(pair, ['--json'])
    expect(json.stderr).toBe('')
    const result = JSON.parse(json.stdout) as { tables: { table: { name: string }; mode: string; written: number }[] }
    expect(result.tables.map(({ table, mode, written }) => [table.name, mode, written]).toSorted()).toEqual([
      ['small', 'copy', 1],
      ['x', 'copy', 20_000],
      ['y', 'copy', 20_000],
    ])
  },
)

test('--jobs is a whole number above zero', async () => {
  const run = await runHere(['replicate', 'a', 'b', '--jobs', '0'])
  expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining('option --jobs is 0') as string })
})
