import { readFile } from 'node:fs/promises'
import type { Document } from 'yaml'
import { isNode, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { UsageError } from '../errors.ts'
import type { Config } from './schema.ts'
import { configSchema } from './schema.ts'

/**
 * Reads and checks a configuration file.
 * @throws UsageError that names the place of everything that is wrong
 */
export async function readConfig(file: string): Promise<Config> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new UsageError(`the configuration cannot be read: ${error.message}`, 'rserv init MASTER SLAVE writes one.')
  })
  return parseConfig(text, file)
}

/** @throws UsageError */
export function parseConfig(text: string, file: string): Config {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const refuse = (problems: readonly string[]): never => {
    throw new UsageError(
      `the configuration ${file} is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`,
      'docs/guides/run.md has an example; editors know the schema.',
    )
  }
  if (document.errors.length > 0) {
    refuse(document.errors.map(({ message, pos }) => `line ${lines.linePos(pos[0]).line}: ${message}`))
  }
  const result = configSchema.safeParse(document.toJS() ?? {})
  if (!result.success) return refuse(result.error.issues.flatMap((issue) => describe(issue, document, lines)))
  const twice = findTwice(result.data)
  return twice === undefined ? result.data : refuse([twice])
}

/** Issues of a union are told by the alternative that comes closest: the one for objects. */
function describe(issue: z.core.$ZodIssue, document: Document, lines: LineCounter): string[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)))
  const where = `line ${lineOf(path, document, lines)}: ${path.length > 0 ? `${pathText(path)}: ` : ''}`
  if (issue.code === 'unrecognized_keys') return [`${where}unknown: ${issue.keys.join(', ')}`]
  if (issue.code === 'invalid_union') {
    const closest = issue.errors.find((errors) =>
      errors.some(({ path: deep, code }) => deep.length > 0 || code === 'unrecognized_keys'),
    )
    if (closest)
      return closest.flatMap((inner) => describe({ ...inner, path: [...path, ...inner.path] }, document, lines))
    return [
      `${where}${issue.errors
        .flat()
        .map(({ message }) => message)
        .join('; or ')}`,
    ]
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
  return [`${where}${missing ? 'is missing' : issue.message}`]
}

function pathText(path: readonly (string | number)[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('')
}

/** Of the value, or of the innermost thing around it that is there. */
function lineOf(path: readonly (string | number)[], document: Document, lines: LineCounter): number {
  for (let length = path.length; length >= 0; length--) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line
  }
  return 1
}

function twice(names: readonly string[]): string | undefined {
  return names.find((one, at) => names.indexOf(one) !== at)
}

function findTwice({ masters }: Config): string | undefined {
  const master = twice(masters.map(({ name }) => name))
  if (master !== undefined) return `two masters are called ${master}`
  for (const { name, slaves } of masters) {
    const slave = twice(slaves.map((one) => one.name))
    if (slave !== undefined) return `two slaves of ${name} are called ${slave}`
  }
  return undefined
}
