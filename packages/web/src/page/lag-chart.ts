import type { ServiceState } from '@rserv/service'
import type { LagSeries } from '../history/lag-series.ts'
import { followed } from '../history/slaves.ts'
import { byId, chosen, el, renew } from './dom.ts'
import { count, seconds, shortSeconds } from './format.ts'
import uPlot from './uplot.js'

const HEIGHT = 190
/** What is drawn at least, as long as nothing is older. */
const SHORTEST_SECONDS = 60
/** As many as the style sheet has colours. */
const COLOURS = 8
/** Also told apart without colours. */
const DASHES = [[], [6, 3], [2, 3], [10, 3, 2, 3]]

/** Distances of the marks of the axis. */
const STEPS = {
  seconds: [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400],
  rows: [1, 2, 5].flatMap((digit) => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((power) => digit * 10 ** power)),
}
for (const steps of Object.values(STEPS)) steps.sort((a, b) => a - b)

/** Lag over time, a line for every slave, with a legend that shows and hides them. */
export class LagChart {
  readonly #series: LagSeries
  readonly #hidden = new Set<string>()
  #chart: uPlot | undefined
  #drawn: string | undefined
  #names = new Map<string, string>()

  constructor(series: LagSeries) {
    this.#series = series
    for (const name of ['lag-unit', 'lag-range']) byId(name).addEventListener('change', () => this.#make())
    document.addEventListener('rserv-theme', () => this.#make())
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#make())
    new ResizeObserver(() => this.#chart?.setSize(this.#size())).observe(byId('lag-chart'))
    byId('lag-legend').addEventListener('click', (event) => this.#toggle(event.target))
  }

  /** Which slaves there are. */
  names(state: ServiceState): void {
    this.#names = namesOf(state)
    if (this.#drawn !== JSON.stringify(this.#keys())) this.#make()
  }

  /** Draws what the series has now. */
  update(): void {
    this.#chart?.setData(this.#data(), true)
    this.#legend()
  }

  get #unit(): 'seconds' | 'rows' {
    return chosen('lag-unit') === 'rows' ? 'rows' : 'seconds'
  }

  /** Only those that there are now. */
  #keys(): string[] {
    return [...this.#names.keys()]
  }

  #size(): { width: number; height: number } {
    return { width: Math.max(200, byId('lag-chart').clientWidth), height: HEIGHT }
  }

  #data(): uPlot.AlignedData {
    const { times, slaves } = this.#series
    const since = (times.at(-1) ?? 0) - Number(chosen('lag-range'))
    const first = times.findIndex((at) => at >= since)
    const from = Math.max(0, first)
    const none = times.slice(from).map(() => null)
    return [times.slice(from), ...this.#keys().map((key) => slaves[key]?.[this.#unit].slice(from) ?? none)]
  }

  #make(): void {
    const container = byId('lag-chart')
    this.#chart?.destroy()
    const keys = this.#keys()
    this.#drawn = JSON.stringify(keys)
    this.#chart = new uPlot(this.#options(keys), this.#data(), container)
    this.#legend()
  }

  #options(keys: readonly string[]): uPlot.Options {
    const font = `11px ${getComputedStyle(document.body).fontFamily}`
    const axis = {
      stroke: colour('--quiet'),
      font,
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    }
    return {
      ...this.#size(),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: {
        x: { range: ({ data: [times] }) => shownTimes(times) },
        y: { range: (_chart, _min, max) => [0, Math.max(1, (max ?? 0) * 1.1)] },
      },
      axes: [
        { ...axis, size: 28, values: (_chart, at) => at.map(clock) },
        { ...axis, size: 56, incrs: STEPS[this.#unit], values: (_chart, at) => at.map((value) => this.#mark(value)) },
      ],
      series: [
        {},
        ...keys.map((key, index) => ({
          label: key,
          show: !this.#hidden.has(key),
          stroke: colour(`--series-${(index % COLOURS) + 1}`),
          dash: DASHES[index % DASHES.length] ?? [],
          width: 1.75,
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [() => this.#legend()] },
    }
  }

  #value(value: number | null | undefined): string {
    if (value === null || value === undefined) return '–'
    return this.#unit === 'seconds' ? seconds(value) : count(value)
  }

  #mark(value: number): string {
    return this.#unit === 'seconds' ? shortSeconds(value) : count(value)
  }

  /** The values under the pointer, else the newest. */
  #legend(): void {
    const at = this.#chart?.cursor.idx ?? undefined
    const data = this.#chart?.data ?? []
    const items = [...this.#names].map(([key, name], index) => {
      const values = data[index + 1] ?? []
      const value = this.#value(at === undefined ? values.at(-1) : values[at])
      const button = el(
        'button',
        { type: 'button', 'aria-pressed': String(!this.#hidden.has(key)), 'data-key': key },
        el('span', { class: `swatch series-${(index % COLOURS) + 1}`, 'data-dash': String(index % DASHES.length) }),
        el('span', {}, name),
        el('span', { class: 'value' }, value),
      )
      return el('li', {}, button)
    })
    renew(byId('lag-legend'), items)
  }

  #toggle(target: EventTarget | null): void {
    const key = target instanceof Element ? target.closest('button')?.getAttribute('data-key') : null
    if (key === null || key === undefined) return
    if (!this.#hidden.delete(key)) this.#hidden.add(key)
    const index = this.#keys().indexOf(key)
    this.#chart?.setSeries(index + 1, { show: !this.#hidden.has(key) })
    this.#legend()
  }
}

/** Not what uPlot would take: for one sample it draws three years. */
function shownTimes(times: ArrayLike<number>): [number, number] {
  const last = times[times.length - 1] ?? Date.now() / 1000
  return [Math.min(times[0] ?? last, last - SHORTEST_SECONDS), last]
}

/** A colour of the style sheet as it is now: a canvas cannot read variables. */
function colour(name: string): string {
  const probe = byId('lag-chart')
  probe.style.color = `var(${name})`
  const { color } = getComputedStyle(probe)
  probe.style.color = ''
  return color
}

/** The slaves' keys, with the shortest text that tells them apart. */
function namesOf(state: ServiceState): Map<string, string> {
  const one = state.masters.length <= 1
  return new Map(followed(state).map(({ key, slave }) => [key, one ? slave.name : key]))
}

function clock(at: number): string {
  const date = new Date(at * 1000)
  const parts = [date.getHours(), date.getMinutes(), ...(date.getSeconds() === 0 ? [] : [date.getSeconds()])]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}
