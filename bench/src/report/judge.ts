import type { Metric, Sample } from '../cases/case.ts'
import type { ContenderName } from '../contenders/contender.ts'
import { median } from '../stats.ts'

export interface Judgement {
  /** The ratio, or the figure itself where there is nothing to compare with; NaN where runs are missing. */
  readonly figure: number
  readonly reached: boolean | null
  readonly aimed: boolean | null
}

type Samples = Partial<Record<ContenderName, readonly Sample[]>>

export function valuesOf(samples: Samples, contender: ContenderName, key: string): number[] {
  return (samples[contender] ?? []).flatMap((sample) => sample[key] ?? [])
}

/** Medians against each other, and against what must be reached. */
export function judge(metric: Metric, samples: Samples): Judgement {
  const own = median(valuesOf(samples, 'rserv', metric.key))
  const other = metric.against ? median(valuesOf(samples, metric.against, metric.key)) : 1
  const figure = metric.ratio === 'other/rserv' ? other / own : own / other
  return { figure, reached: meets(figure, metric.must), aimed: meets(figure, metric.aim) }
}

function meets(figure: number, bound: Metric['must']): boolean | null {
  if (bound === null || Number.isNaN(figure)) return null
  return 'atLeast' in bound ? figure >= bound.atLeast : figure <= bound.atMost
}
