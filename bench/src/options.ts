import { parseArgs } from 'node:util'
import type { Sizes } from './sizes.ts'
import { DEFAULT_SIZES, QUICK_SIZES } from './sizes.ts'

export interface Options {
  /** Names of cases; empty: all. */
  readonly cases: readonly string[]
  readonly quick: boolean
  readonly major: number
  /** Folder with the programs of an installed PostgreSQL; undefined: the servers from npm. */
  readonly pgBin: string | undefined
  /** Only these contenders. */
  readonly only: readonly string[]
  readonly json: string | undefined
  /** Folder that the charts are written to. */
  readonly charts: string | undefined
  /** JSON of a former run: draw charts from it, measure nothing. */
  readonly draw: readonly string[]
  /** Markdown page that the tables and charts are written to; needs `charts`. */
  readonly page: string | undefined
  readonly help: boolean
  readonly sizes: Sizes
}

const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
const SIZES = Object.keys(DEFAULT_SIZES) as (keyof Sizes)[]

export const HELP = `npm run bench -- [CASE…] [options]

  growth            the cases that show how costs grow, which are run when they are named
  --quick           small sizes, one round: does it work at all
  --major N         PostgreSQL from npm, 14 to 18 (default 18)
  --pg-bin DIR      an installed PostgreSQL instead; --major must say which
  --only A,B        only these contenders (none, rserv, builtin, pipe, slony, londiste, bucardo)
  --json FILE       where the figures go; those of other cases and contenders that it has stay
  --charts DIR      draws the charts there
  --page FILE       writes the page of the tables and charts
  --draw FILE       draws from the JSON of former runs, measures nothing; may be repeated
Sizes: ${SIZES.map((name) => `--${kebab(name)} N`).join(', ')}`

/** Reads the command line. @throws TypeError on unknown options or values that are no number */
export function readOptions(argv: readonly string[]): Options {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      major: { type: 'string', default: '18' },
      'pg-bin': text,
      only: text,
      json: text,
      charts: text,
      page: text,
      draw: { type: 'string', multiple: true, default: [] },
      ...Object.fromEntries(SIZES.map((name) => [kebab(name), text])),
    },
  })
  const given = values as unknown as Record<string, string | undefined>
  const sizes = { ...(values.quick ? QUICK_SIZES : DEFAULT_SIZES) }
  for (const name of SIZES) {
    const value = given[kebab(name)]
    if (value !== undefined) sizes[name] = positive(value)
  }
  return {
    cases: positionals,
    quick: values.quick,
    help: values.help,
    major: positive(values.major),
    pgBin: values['pg-bin'],
    only: values.only?.split(',') ?? [],
    json: values.json,
    charts: values.charts,
    page: values.page,
    draw: values.draw,
    sizes,
  }
}

function positive(value: string): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1) throw new TypeError(`not a size: ${value}`)
  return number
}
