import type { ServiceState } from '@rserv/service'
import { Hono } from 'hono'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'
import type { Part, Watched } from '../part.ts'
import type { Metric, Sample } from './metric.ts'
import { METRICS } from './metrics.ts'

/** Gauges of prom-client that are called like counters; the same by kind are there without the suffix. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total']

/** `/metrics`: in the text format of Prometheus, with the process's own metrics as every Node.js program names them. */
export const metricsPart: Part = ({ watched, closing }) => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  const read = register(registry, watched)
  closing.addEventListener('abort', () => registry.clear())
  return new Hono().get('/metrics', async (c) => c.body(await read(), 200, { 'content-type': registry.contentType }))
}

/** @returns the page, all of it from one state */
function register(registry: Registry, watched: Watched): () => Promise<string> {
  let state: ServiceState | undefined
  for (const metric of METRICS) define(registry, metric, () => metric.read((state ??= watched.state())))
  return () => {
    state = undefined
    return registry.metrics()
  }
}

function define(registry: Registry, { name, type, labels, help }: Metric, read: () => Sample[]): void {
  const named = ({ labels: values }: Sample): Record<string, string> =>
    Object.fromEntries(labels.map((label, index) => [label, values[index] ?? '']))
  const common = { name, help, labelNames: [...labels], registers: [registry] }
  if (type === 'gauge') {
    const gauge: Gauge = new Gauge({
      ...common,
      collect() {
        gauge.reset()
        for (const sample of read()) gauge.set(named(sample), sample.value)
      },
    })
    return
  }
  const counter: Counter = new Counter({
    ...common,
    collect() {
      // The state has the totals.
      counter.reset()
      for (const sample of read()) counter.inc(named(sample), sample.value)
    },
  })
}
