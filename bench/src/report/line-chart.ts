import type { ContenderName } from '../contenders/contender.ts'
import type { CaseResult } from '../runner.ts'
import { COLOURS, escape } from './chart.ts'
import { short } from './table.ts'

const WIDTH = 640
const HEIGHT = 300
const LEFT = 60
const RIGHT = 90
const TOP = 40
const BOTTOM = 40

interface Point {
  readonly size: number
  readonly value: number
}

/** Cost against size, both axes logarithmic: a straight line of slope 1 is proportional growth, a flat one is none. */
export function lineChart(result: CaseResult, growth: { of: string; unit: string }): string {
  const lines = (Object.keys(result.samples) as ContenderName[]).map((name) => ({
    name,
    points: pointsOf(result, name),
  }))
  const all = lines.flatMap(({ points }) => points)
  const x = logScale(
    all.map(({ size }) => size),
    [LEFT, WIDTH - RIGHT],
  )
  const y = logScale(
    all.map(({ value }) => value),
    [HEIGHT - BOTTOM, TOP],
  )
  const sizes = [...new Set(all.map(({ size }) => size))]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="10" y="22" font-weight="bold">${escape(`${result.title}, ${growth.unit}, PostgreSQL ${result.major}`)}</text>`,
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}" stroke="#999"/>`,
    ...sizes.map(
      (size) =>
        `<text x="${x(size).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
    ),
    `<text x="${WIDTH - 10}" y="${HEIGHT - 6}" text-anchor="end">${escape(growth.of)}</text>`,
    ...lines.flatMap(({ name, points }) => drawLine(name, points, { x, y })),
    '</svg>',
    '',
  ].join('\n')
}

function pointsOf(result: CaseResult, name: ContenderName): Point[] {
  const [sample = {}] = result.samples[name] ?? []
  return Object.entries(sample).map(([size, value]) => ({ size: Number(size), value }))
}

type Scale = (value: number) => number

function logScale(values: readonly number[], [from, to]: readonly [number, number]): Scale {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))]
  return (value) => from + ((Math.log(value) - low) / (high - low || 1)) * (to - from)
}

function drawLine(name: ContenderName, points: readonly Point[], { x, y }: { x: Scale; y: Scale }): string[] {
  const path = points.map(({ size, value }) => `${x(size).toFixed(1)},${y(value).toFixed(1)}`).join(' ')
  const last = points.at(-1)
  return [
    `<polyline points="${path}" fill="none" stroke="${COLOURS[name]}" stroke-width="2"/>`,
    ...points.map(
      ({ size, value }) =>
        `<text x="${x(size).toFixed(1)}" y="${(y(value) - 7).toFixed(1)}" text-anchor="middle" font-size="11">${short(value)}</text>`,
    ),
    ...(last
      ? [
          `<text x="${(x(last.size) + 8).toFixed(1)}" y="${(y(last.value) + 4).toFixed(1)}" fill="${COLOURS[name]}">${name}</text>`,
        ]
      : []),
  ]
}
