import { readFileSync } from 'node:fs'
import { CASES } from '../cases/index.ts'
import type { CaseResult } from '../runner.ts'
import { table } from './table.ts'

/** What stands above the figures, written by hand. */
const HEAD = new URL('../../performance-head.txt', import.meta.url)

/** The docs page, from results of one or more runs. @param folder of the charts, relative to the page */
export function page(results: readonly CaseResult[], charts: readonly string[], folder: string): string {
  const majors = [...new Set(results.map(({ major }) => major))]
  const image = (name: string): string => `![${name.replace('.svg', '')}](${folder}/${name})`
  const sections = majors.map((major) => {
    const own = results.filter((result) => result.major === major && !isGrowth(`${result.name}-`))
    const drawn = charts.filter((name) => name.endsWith(`-${major}.svg`) && !isGrowth(name))
    return `## PostgreSQL ${major}\n\n${table(own)}\n\n${drawn.map(image).join('\n')}\n`
  })
  const growth = `## How the costs grow\n\nBoth axes are logarithmic: proportional growth is a straight line that rises as
much as it goes to the right, a cost that does not grow is a flat one.\n\n${charts.filter(isGrowth).map(image).join('\n')}\n`
  return `${readFileSync(HEAD, 'utf8')}\n${sections.join('\n')}\n${growth}`
}

/** Is it a chart of a growth case, or with a dash after it the name of one? */
function isGrowth(name: string): boolean {
  return CASES.some((one) => one.growth && name.startsWith(`${one.name}-`))
}
