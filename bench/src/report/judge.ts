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

/**
 * The median of the rounds' own ratios, for in one round the contenders ran right after one another; against what must
 * be reached.
 */
export function judge(metric: Metric, samples: Samples): Judgement {
  const own = valuesOf(samples, 'rserv', metric.key)
  const others = metric.against ? valuesOf(samples, metric.against, metric.key) : own.map(() => 1)
  const ratios = own.flatMap((value, round) => {
    const other = others[round]
    return other === undefined ? [] : metric.ratio === 'other/rserv' ? other / value : value / other
  })
  const figure = median(ratios)
  return { figure, reached: meets(figure, metric.must), aimed: meets(figure, metric.aim) }
}

function meets(figure: number, bound: Metric['must']): boolean | null {
  if (bound === null || Number.isNaN(figure)) return null
  return 'atLeast' in bound ? figure >= bound.atLeast : figure <= bound.atMost
}
