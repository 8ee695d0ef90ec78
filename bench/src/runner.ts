import type { Case, Context, Sample } from './cases/case.ts'
import type { ContenderName } from './contenders/contender.ts'
import { isPeer, peer } from './contenders/index.ts'
import { Database } from './database.ts'

/** All runs of a case. */
export interface CaseResult {
  readonly name: string
  readonly title: string
  readonly major: number
  /** Samples of each contender, in the order of the rounds. */
  readonly samples: Partial<Record<ContenderName, Sample[]>>
  readonly seconds: number
}

/** Peers that are not installed are left out, and said. */
async function participants(
  one: Case,
  { servers, options: { only }, say }: Omit<Context, 'contenders'>,
): Promise<ContenderName[]> {
  const chosen = one.contenders.filter((name) => only.length === 0 || only.includes(name))
  await using database = await Database.create(servers.master, 'bench_peers')
  const there: ContenderName[] = []
  for (const name of chosen) {
    if (!isPeer(name) || (await peer(name).available(database))) there.push(name)
    else say(`${one.name}: ${name} is not installed for this server`)
  }
  return there
}

/** Runs a case: the contenders take turns, so that drift of the machine meets all of them. */
export async function runCase(one: Case, setting: Omit<Context, 'contenders'>): Promise<CaseResult> {
  const { sizes, major } = setting.options
  const started = performance.now()
  const contenders = await participants(one, setting)
  const context: Context = { ...setting, contenders }
  const samples: Partial<Record<ContenderName, Sample[]>> = {}
  const rounds = Math.max(1, Math.round(sizes.rounds * (one.roundsFactor ?? 1)))
  await using running = await one.start(context)
  for (let round = 0; round < rounds; round++) {
    // Every second round goes backwards: nobody always comes right after the same other one.
    for (const name of round % 2 === 0 ? contenders : contenders.toReversed()) {
      if (round > 0 && isPeer(name)) continue
      context.say(`${one.name}: round ${round + 1} of ${rounds}, ${name}`)
      const sample = await measured(context, () => running.measure(name, round), name)
      if (!sample) continue
      context.say(`${one.name}: ${name} ${JSON.stringify(sample)}`)
      ;(samples[name] ??= []).push(sample)
    }
  }
  return { name: one.name, title: one.title, major, samples, seconds: (performance.now() - started) / 1000 }
}

/** A peer that fails is told and left out; the others count all the same. */
async function measured(
  { say }: Context,
  measure: () => Promise<Sample>,
  name: ContenderName,
): Promise<Sample | undefined> {
  try {
    return await measure()
  } catch (error) {
    if (!isPeer(name)) throw error
    say(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    process.exitCode = 1
    return undefined
  }
}
