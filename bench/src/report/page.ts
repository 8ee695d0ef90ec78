import type { CaseResult } from '../runner.ts'
import { table } from './table.ts'

/** What stands above the figures. */
const HEAD = `# Performance

Measured by \`npm run bench\`: rserv beside PostgreSQL's built-in logical replication, no replication at all, and the
physical floor (\`psql COPY | psql COPY\`), in turns on one machine with two servers of their own, durable as the defaults
are. Sides that are not equal afterwards do not count. Compare ratios, not seconds: the machine is small (2 cores for
both servers, the load and the replicator) and shared. A ratio is the median of the rounds' own ratios.

\`\`\`sh
npm run bench                                # all cases, about 15 minutes
npm run bench -- catch-up-oltp lag           # some of them
npm run bench -- --quick                     # small sizes: does it work at all
npm run bench -- --major 15 --json 15.json   # another version; figures into a file
npm run bench -- --draw 18.json --draw 15.json --charts docs/performance --page docs/performance.md
\`\`\`

The last command writes this page from the figures of former runs.
`

/** The docs page, from results of one or more runs. @param folder of the charts, relative to the page */
export function page(results: readonly CaseResult[], charts: readonly string[], folder: string): string {
  const majors = [...new Set(results.map(({ major }) => major))]
  const sections = majors.map((major) => {
    const own = results.filter((result) => result.major === major)
    const drawn = charts.filter((name) => name.endsWith(`-${major}.svg`))
    const images = drawn.map((name) => `![${name.replace('.svg', '')}](${folder}/${name})`)
    return `## PostgreSQL ${major}\n\n${table(own)}\n\n${images.join('\n')}\n`
  })
  return `${HEAD}\n${sections.join('\n')}`
}
