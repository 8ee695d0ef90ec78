import type { RservEvent } from '@rserv/core'
import { displayName } from '@rserv/core'
import { count } from './output.ts'

const BAR_WIDTH = 20

/** What is told of one table, or of all. */
interface Figures {
  /** 0 to 1. */
  readonly share: number
  readonly rows: number
  readonly bytes: number
  readonly seconds: number
  /** Seconds; null: not to be told. */
  readonly left: number | null
}

/** How far the copies of new tables are, from their progress events, for people. */
export class CopyBoard {
  #tables = new Map<string, RservEvent>()

  /** @param event a progress event that has `copy` */
  tell(event: RservEvent): void {
    if (event.table) this.#tables.set(displayName(event.table), event)
  }

  /** Is nothing left to be copied? */
  get done(): boolean {
    return [...this.#tables.values()].every(({ copy }) => copy === 'copied' || copy === 'failed')
  }

  forget(): void {
    this.#tables.clear()
  }

  /**
   * A line with a bar for all, and where there are several tables one for each that is being copied.
   * @param now milliseconds since 1970
   */
  bars(now: number): string[] {
    const running = [...this.#tables].filter(([, { copy }]) => copy === 'copying')
    const all = `copying   ${bar(this.#all(now).share)}  ${this.#ended()}, ${words(this.#all(now))}`
    if (this.#tables.size < 2) return [all]
    const width = Math.max(0, ...running.map(([name]) => name.length))
    const each = running.map(([name, event]) => {
      const figures = figuresOf(event, now)
      return `  ${name.padEnd(width)}  ${bar(figures.share)}  ${words(figures)}`
    })
    return [all, ...each]
  }

  /** The same for all in one line without a bar. */
  line(now: number): string {
    const figures = this.#all(now)
    if (this.done) return `copied: ${this.#ended()}, ${words({ ...figures, left: null })}`
    return `copying: ${percent(figures.share)}, ${this.#ended()}, ${words(figures)}`
  }

  #ended(): string {
    const copied = [...this.#tables.values()].filter(({ copy }) => copy === 'copied').length
    return `${copied} of ${count(this.#tables.size, 'table')}`
  }

  /** Each table counts as much as it is large. */
  #all(now: number): Figures {
    const tables = [...this.#tables.values()]
    const weight = tables.reduce((sum, event) => sum + weightOf(event), 0)
    const share = tables.reduce((sum, event) => sum + weightOf(event) * shareOf(event), 0) / Math.max(weight, 1)
    const started = Math.min(now, ...tables.flatMap(({ startedAt }) => (startedAt ? [Date.parse(startedAt)] : [])))
    const seconds = (now - started) / 1000
    const sum = (of: (event: RservEvent) => number | undefined): number =>
      tables.reduce((total, event) => total + (of(event) ?? 0), 0)
    const left = share > 0 ? (seconds * (1 - share)) / share : null
    return { share, rows: sum(({ rowsDone }) => rowsDone), bytes: sum(({ bytesDone }) => bytesDone), seconds, left }
  }
}

function weightOf({ bytesTotal }: RservEvent): number {
  return Math.max(bytesTotal ?? 0, 1)
}

function figuresOf(event: RservEvent, now: number): Figures {
  const seconds = event.startedAt ? (now - Date.parse(event.startedAt)) / 1000 : 0
  const { rowsDone: rows = 0, bytesDone: bytes = 0, etaSeconds: left = null } = event
  return { share: shareOf(event), rows, bytes, seconds, left }
}

/** Totals are estimates: a table is only there when it is there. */
const ALMOST = 0.99

function shareOf({ copy, rowsDone = 0, rowsTotal, bytesDone = 0, bytesTotal }: RservEvent): number {
  if (copy === 'copied' || copy === 'failed') return 1
  const share = rowsDone > 0 && rowsTotal ? rowsDone / rowsTotal : bytesTotal ? bytesDone / bytesTotal : 0
  return Math.min(share, ALMOST)
}

function bar(share: number): string {
  const full = Math.floor(share * BAR_WIDTH)
  return `[${'#'.repeat(full)}${'-'.repeat(BAR_WIDTH - full)}] ${percent(share).padStart(5)}`
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`
}

function words({ rows, bytes, seconds, left }: Figures): string {
  const rate = seconds > 0 ? `, ${size(bytes / seconds)}/s` : ''
  const remaining = left === null ? '' : `, ${duration(left)} left`
  // Inside a transfer nobody counts them.
  const counted = rows === 0 && bytes > 0 ? '' : `${rows.toLocaleString('en')} row${rows === 1 ? '' : 's'}, `
  return `${counted}${size(bytes)}${rate}${remaining}`
}

/** `12 B`, `3.4 kB`, `560 MB`: thousands, three digits at most after the first unit. */
function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const step = bytes < 1 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1)
  const value = bytes / 1000 ** step
  return `${value.toFixed(step === 0 || value >= 100 ? 0 : 1)} ${units[step]}`
}

/** `0:07`, `12:34`, `1:02:03`. */
function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`
}

function two(part: number): string {
  return String(part).padStart(2, '0')
}
