import type { Metric } from '../cases/case.ts'
import type { ContenderName } from '../contenders/contender.ts'
import type { CaseResult } from '../runner.ts'
import { median } from '../stats.ts'
import { valuesOf } from './judge.ts'
import { short } from './table.ts'

export const COLOURS: Record<ContenderName, string> = {
  rserv: '#2563a8',
  builtin: '#b8652a',
  none: '#7a7a7a',
  pipe: '#4b8b5a',
  slony: '#8a6d9e',
  londiste: '#a3873f',
  bucardo: '#9e5a62',
}

const WIDTH = 640
const LABEL = 90
const ROW = 30
const TOP = 40
const BAR = WIDTH - LABEL - 110

interface Bar {
  readonly name: ContenderName
  readonly middle: number
  readonly low: number
  readonly high: number
}

/** A bar for the median of each contender, a line for the range of its runs; readable on light and dark pages. */
export function barChart(result: CaseResult, metric: Metric): string {
  const bars = (Object.keys(result.samples) as ContenderName[]).flatMap((name): Bar[] => {
    const values = valuesOf(result.samples, name, metric.key)
    if (values.length === 0) return []
    return [{ name, middle: median(values), low: Math.min(...values), high: Math.max(...values) }]
  })
  const largest = Math.max(...bars.map(({ high }) => high))
  const scale = (value: number): number => LABEL + (value / largest) * BAR
  const rows = bars.map((bar, index) => drawBar(bar, TOP + index * ROW, scale, metric.unit))
  const height = TOP + bars.length * ROW + 10
  const title = `${result.title}: ${metric.label}, PostgreSQL ${result.major}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    `<text x="10" y="22" font-weight="bold">${escape(title)}</text>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n')
}

function drawBar(bar: Bar, y: number, scale: (value: number) => number, unit: string): string {
  const end = scale(bar.middle)
  const middle = y + 11
  return [
    `<text x="10" y="${y + 15}">${bar.name}</text>`,
    `<rect x="${LABEL}" y="${y}" width="${(end - LABEL).toFixed(1)}" height="22" fill="${COLOURS[bar.name]}"/>`,
    `<line x1="${scale(bar.low).toFixed(1)}" x2="${scale(bar.high).toFixed(1)}" y1="${middle}" y2="${middle}" stroke="#222"/>`,
    `<text x="${(scale(bar.high) + 6).toFixed(1)}" y="${y + 15}">${short(bar.middle)} ${escape(unit)}</text>`,
  ].join('\n')
}

export function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
