import type { Metric } from '../cases/case.ts'
import { CASES } from '../cases/index.ts'
import type { ContenderName } from '../contenders/contender.ts'
import type { CaseResult } from '../runner.ts'
import { median, spread } from '../stats.ts'
import { judge, valuesOf } from './judge.ts'

/** One line a metric, as Markdown: the docs page takes it as it is. */
export function table(results: readonly CaseResult[]): string {
  const lines = ['| case | median ± spread | ratio | must reach | aim |', '| --- | --- | --- | --- | --- |']
  for (const result of results) {
    const metrics = CASES.find(({ name }) => name === result.name)?.metrics ?? []
    for (const metric of metrics) lines.push(line(result, metric))
  }
  return lines.join('\n')
}

function line(result: CaseResult, metric: Metric): string {
  const contenders = Object.keys(result.samples) as ContenderName[]
  const figures = contenders.flatMap((name) => {
    const values = valuesOf(result.samples, name, metric.key)
    if (values.length === 0) return []
    // One figure has no spread.
    const around = values.length > 1 && median(values) !== 0 ? ` ± ${Math.round(100 * spread(values))} %` : ''
    return `${name} ${short(median(values))}${around}`
  })
  const { figure, reached, aimed } = judge(metric, result.samples)
  const compared = metric.against
    ? `${metric.ratio === 'other/rserv' ? 'times as fast as' : 'of'} ${metric.against}`
    : metric.unit
  const cells = [
    `${result.title}: ${metric.label}, ${metric.unit}`,
    figures.join('; '),
    `${short(figure)} ${compared}`,
    bound(metric.must, reached),
    bound(metric.aim, aimed),
  ]
  return `| ${cells.join(' | ')} |`
}

function bound(limit: Metric['must'], met: boolean | null): string {
  if (limit === null) return ''
  const text = 'atLeast' in limit ? `≥ ${limit.atLeast}` : `≤ ${limit.atMost}`
  return met === null ? text : `${text} ${met ? '✓' : '✗'}`
}

/** Three significant digits. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–'
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}
