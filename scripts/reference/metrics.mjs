import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../workspace.mjs'
import { code, head, table } from './markdown.mjs'

const SOURCE = 'packages/web/src/metrics/metrics.ts'
const BUILT = join(ROOT, 'packages', 'web', 'dist', 'metrics', 'metrics.js')

/** docs/reference/metrics.md */
export async function metricsPage(problem) {
  const { METRICS } = await import(pathToFileURL(BUILT).href)
  for (const { name, help } of METRICS)
    if (!help.endsWith('.')) problem(`${SOURCE}: ${name} has no sentence as its help`)
  const rows = METRICS.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), help])
  return [
    ...head(
      'Metrics',
      SOURCE,
      'What `/metrics` exports, in the text format of Prometheus. Names end with their unit: `_seconds`, `_bytes`, `_rows`, ' +
        '`_keys`; a counter, which only grows until the process starts anew, with `_total`. A value that is not known is left ' +
        'out, never 0. `master` and `slave` are the names of the configuration. Beside these there are the metrics of every ' +
        'Node.js program, as `process_resident_memory_bytes`, `process_cpu_seconds_total` and `nodejs_eventloop_lag_seconds`. ' +
        '[Monitoring](../guides/monitoring.md) says what to do with them.',
    ),
    '',
    ...table(['metric', 'type', 'labels', 'is'], rows),
  ].join('\n')
}
