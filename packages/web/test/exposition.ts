/** A family of a page in the text format of Prometheus. */
export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: { readonly name: string; readonly labels: Record<string, string>; readonly value: number }[]
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL})(?:,${LABEL})*)?,?\\})? (\\S+)$`)
const VALUE = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|Nan)$/i

/**
 * Reads a page strictly, as the format 0.0.4 is specified: each family is one block of HELP, TYPE and samples.
 * @throws Error that names the line
 */
export function readExposition(page: string): Map<string, Family> {
  if (!page.endsWith('\n')) throw new Error('the last line does not end')
  const families = new Map<string, Family>()
  const lines = page.split('\n').filter((line) => line !== '')
  const starts = lines.flatMap((line, index) => (line.startsWith('# HELP ') ? [index] : []))
  if (starts[0] !== 0) throw new Error(`it begins with ${lines[0]}`)
  for (const [index, start] of starts.entries()) readFamily(families, lines.slice(start, starts[index + 1]))
  return families
}

function readFamily(families: Map<string, Family>, lines: readonly string[]): void {
  const { name, text: help } = readMeta(lines[0], 'HELP')
  const { name: again, text: type } = readMeta(lines[1], 'TYPE')
  if (again !== name || families.has(name)) throw new Error(`not one family: ${name}, ${again}`)
  const family: Family = { type, help, samples: [] }
  families.set(name, family)
  for (const line of lines.slice(2)) addSample(family, name, line)
}

function readMeta(line: string | undefined, kind: 'HELP' | 'TYPE'): { name: string; text: string } {
  const [, name, text] = new RegExp(`^# ${kind} (${NAME}) (.+)$`).exec(line ?? '') ?? []
  if (name === undefined || text === undefined) throw new Error(`no ${kind}: ${line}`)
  return { name, text }
}

function addSample(family: Family, familyName: string, line: string): void {
  const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? []
  if (!VALUE.test(value)) throw new Error(`not a sample of ${familyName}: ${line}`)
  const suffix = name.slice(familyName.length)
  const suffixes = { histogram: ['_bucket', '_sum', '_count'], summary: ['', '_sum', '_count'] }[family.type] ?? ['']
  if (!name.startsWith(familyName) || !suffixes.includes(suffix)) throw new Error(`${name} is not of ${familyName}`)
  const pairs = [...labels.matchAll(new RegExp(LABEL, 'g'))].map(([pair]) => unescape(pair))
  const sample = { name, labels: Object.fromEntries(pairs), value: Number(value) }
  const key = JSON.stringify([name, sample.labels])
  if (family.samples.some((other) => JSON.stringify([other.name, other.labels]) === key))
    throw new Error(`twice: ${key}`)
  family.samples.push(sample)
}

function unescape(pair: string): [string, string] {
  const at = pair.indexOf('=')
  const text = pair.slice(at + 2, -1).replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
  return [pair.slice(0, at), text]
}

/** The value of the only sample with these labels. @throws Error where there is none, or more than one */
export function valueOf(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number {
  const samples = families.get(name)?.samples ?? []
  const wanted = Object.entries(labels)
  const found = samples.filter((sample) => wanted.every(([label, value]) => sample.labels[label] === value))
  if (found.length !== 1 || !found[0]) throw new Error(`${found.length} samples of ${name} ${JSON.stringify(labels)}`)
  return found[0].value
}
