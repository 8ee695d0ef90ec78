import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { startWeb } from '../src/index.ts'
import type { Family } from './exposition.ts'
import { readExposition } from './exposition.ts'
import { FULL } from './states.ts'

/** Labels that Prometheus itself adds. */
const ADDED = ['instance', 'job']

const read = (path: string): string => readFileSync(new URL(`../../../deploy/${path}`, import.meta.url), 'utf8')

interface Rules {
  readonly groups: { readonly rules: readonly Rule[] }[]
}
interface Rule {
  readonly alert: string
  readonly expr: string
  readonly annotations: Record<string, string>
}
interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly Target[] }[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}
interface Target {
  readonly expr: string
  readonly legendFormat: string
}

/** What the program really exports. */
async function exported(): Promise<Map<string, Family>> {
  await using web = await startWeb({ state: () => FULL })
  return readExposition(await (await fetch(`${web.url}/metrics`)).text())
}

/** The metrics that an expression names. */
function metricsIn(expr: string): string[] {
  const bare = expr.replaceAll(/\{[^}]*\}/g, '').replaceAll(/"[^"]*"/g, '')
  return [...bare.matchAll(/\b(?:rserv|process|nodejs)_\w+/g)].map(([name]) => name)
}

/** Everything that an expression and its texts name must be there. */
function expectKnown(where: string, expr: string, texts: string, families: Map<string, Family>): void {
  const metrics = metricsIn(expr)
  expect([where, metrics.length]).not.toEqual([where, 0])
  for (const name of metrics) expect(families.has(name), `${where}: ${name}`).toBe(true)
  const labels = new Set(metrics.flatMap((name) => Object.keys(families.get(name)?.samples[0]?.labels ?? {})))
  for (const label of ADDED) labels.add(label)
  const selected = [...expr.matchAll(/(?<=[{,]\s*)(\w+)(?==)/g)].map(([name]) => name)
  const grouped = [...expr.matchAll(/\b(?:on|by) \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/))
  const shown = [...texts.matchAll(/\{\{ ?(?:\$labels\.)?(\w+) ?\}\}/g)].flatMap(([, name]) => name ?? [])
  for (const label of [...selected, ...grouped, ...shown]) expect(labels, where).toContain(label)
}

/** Values that a selector asks for must be such as occur. */
function expectPhases(expr: string, families: Map<string, Family>): void {
  const known = (families.get('rserv_slave_phase')?.samples ?? []).map(({ labels }) => labels['phase'])
  for (const [, phases = ''] of expr.matchAll(/phase=~?"([^"]+)"/g)) {
    for (const phase of phases.split('|')) expect(known).toContain(phase)
  }
}

test('the alert rules ask for metrics and labels that are exported', async () => {
  const families = await exported()
  const { groups } = parse(read('prometheus/rserv.rules.yml')) as Rules
  const rules = groups.flatMap(({ rules: some }) => some)
  expect(rules.length).toBeGreaterThan(8)
  for (const { alert, expr, annotations } of rules) {
    expect(annotations).toMatchObject({
      summary: expect.any(String) as string,
      description: expect.any(String) as string,
    })
    expectKnown(alert, expr, JSON.stringify(annotations), families)
    expectPhases(expr, families)
  }
})

test('every alert is explained on the page about monitoring', () => {
  const page = readFileSync(new URL('../../../docs/guides/monitoring.md', import.meta.url), 'utf8')
  const { groups } = parse(read('prometheus/rserv.rules.yml')) as Rules
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert))
  const explained = [...page.matchAll(/^\| `(Rserv\w+)` +\|/gm)].map(([, name]) => name)
  expect(explained).toEqual(alerts)
})

test('the dashboard asks for metrics and labels that are exported', async () => {
  const families = await exported()
  const { panels, templating } = JSON.parse(read('grafana/rserv.json')) as Dashboard
  expect(panels.length).toBeGreaterThan(10)
  for (const { title, targets } of panels) {
    for (const { expr, legendFormat } of targets) expectKnown(title, expr, legendFormat, families)
    for (const { expr } of targets)
      for (const [name] of expr.matchAll(/\$(?!__)\w+/g)) expect(variables(templating)).toContain(name)
  }
  for (const { name, definition } of templating.list) if (definition) expectKnown(name, definition, '', families)
})

function variables({ list }: Dashboard['templating']): string[] {
  return list.map(({ name }) => `$${name}`)
}
