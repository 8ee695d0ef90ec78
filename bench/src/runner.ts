import type { Case, Context, Sample } from './cases/case.ts'
import type { ContenderName } from './contenders/contender.ts'

/** All runs of a case. */
export interface CaseResult {
  readonly name: string
  readonly title: string
  readonly major: number
  /** Samples of each contender, in the order of the rounds. */
  readonly samples: Partial<Record<ContenderName, Sample[]>>
  readonly seconds: number
}

/** Runs a case: the contenders take turns, so that drift of the machine meets all of them. */
export async function runCase(one: Case, context: Context): Promise<CaseResult> {
  const { only, sizes, major } = context.options
  const started = performance.now()
  const contenders = one.contenders.filter((name) => only.length === 0 || only.includes(name))
  const samples: Partial<Record<ContenderName, Sample[]>> = {}
  const rounds = Math.max(1, Math.round(sizes.rounds * (one.roundsFactor ?? 1)))
  await using running = await one.start(context)
  for (let round = 0; round < rounds; round++) {
    // Every second round goes backwards: nobody always comes right after the same other one.
    for (const name of round % 2 === 0 ? contenders : contenders.toReversed()) {
      context.say(`${one.name}: round ${round + 1} of ${rounds}, ${name}`)
      const sample = await running.measure(name, round)
      context.say(`${one.name}: ${name} ${JSON.stringify(sample)}`)
      ;(samples[name] ??= []).push(sample)
    }
  }
  return { name: one.name, title: one.title, major, samples, seconds: (performance.now() - started) / 1000 }
}
