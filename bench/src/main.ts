// Measures rserv side by side with what a user would pick instead.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import type { Case } from './cases/case.ts'
import { CASES } from './cases/index.ts'
import { HELP, readOptions } from './options.ts'
import type { Options } from './options.ts'
import { barChart } from './report/chart.ts'
import { lineChart } from './report/line-chart.ts'
import { page } from './report/page.ts'
import { table } from './report/table.ts'
import type { CaseResult } from './runner.ts'
import { runCase } from './runner.ts'
import { startServers } from './servers.ts'

function say(text: string): void {
  console.error(`${new Date().toISOString().slice(11, 19)} ${text}`)
}

async function measure(options: Options): Promise<CaseResult[]> {
  const wanted = CASES.filter((one) => isWanted(one, options.cases))
  await using servers = await startServers(options)
  const results: CaseResult[] = []
  for (const one of wanted) {
    try {
      results.push(await runCase(one, { servers, options, say }))
    } catch (error) {
      // The others still count.
      console.error(`${one.name} failed:`, error)
      process.exitCode = 1
    }
    if (options.json) save(options, results)
  }
  return results
}

/** Without names all but those of growth, which take as long again; `growth` names these. */
function isWanted({ name, growth }: Case, names: readonly string[]): boolean {
  if (names.length === 0) return !growth
  return names.includes(name) || (growth !== undefined && names.includes('growth'))
}

/**
 * What the file has of other cases, other major versions or other contenders stays: a long run can be made in pieces.
 * Sizes are those of the last one.
 */
function save({ json, sizes }: Options, results: readonly CaseResult[]): void {
  const file = resolve(json ?? '')
  mkdirSync(dirname(file), { recursive: true })
  const all = new Map<string, CaseResult>()
  for (const result of [...(existsSync(file) ? load(file) : []), ...results]) {
    const key = `${result.name} ${result.major}`
    all.set(key, { ...result, samples: { ...all.get(key)?.samples, ...result.samples } })
  }
  const order = CASES.map(({ name }) => name)
  const sorted = [...all.values()].toSorted(
    (one, other) => one.major - other.major || order.indexOf(one.name) - order.indexOf(other.name),
  )
  writeFileSync(file, `${JSON.stringify({ sizes, results: sorted }, null, 2)}\n`)
}

function load(file: string): CaseResult[] {
  return (JSON.parse(readFileSync(file, 'utf8')) as { results: CaseResult[] }).results
}

/** One file for each case and metric; returns their names. */
function draw(folder: string, results: readonly CaseResult[]): string[] {
  mkdirSync(resolve(folder), { recursive: true })
  const names: string[] = []
  const write = (name: string, svg: string): void => {
    names.push(name)
    writeFileSync(join(resolve(folder), name), svg)
  }
  for (const result of results) {
    const metrics = CASES.find(({ name }) => name === result.name)?.metrics ?? []
    const growth = CASES.find(({ name }) => name === result.name)?.growth
    if (growth) write(`${result.name}-${result.major}.svg`, lineChart(result, growth))
    for (const key of new Set(metrics.map((metric) => metric.key))) {
      const metric = metrics.find((one) => one.key === key)
      // A single bar says no more than its figure.
      const compared = Object.keys(result.samples).length > 1
      if (metric && compared) write(`${result.name}-${key}-${result.major}.svg`, barChart(result, metric))
    }
  }
  return names
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2))
  if (options.help) {
    console.log(`${HELP}\nCases: ${CASES.map(({ name }) => name).join(', ')}`)
    return
  }
  const unknown = options.cases.filter((name) => !CASES.some((one) => isWanted(one, [name])))
  if (unknown.length > 0)
    throw new TypeError(`no such case: ${unknown.join(', ')}; ${CASES.map((c) => c.name).join(', ')}`)
  const results = options.draw.length > 0 ? options.draw.flatMap(load) : await measure(options)
  console.log(table(results))
  if (!options.charts) return
  const charts = draw(options.charts, results)
  if (!options.page) return
  const folder = relative(dirname(resolve(options.page)), resolve(options.charts))
  writeFileSync(resolve(options.page), page(results, charts, folder))
}

await main()
