import { readFileSync } from 'node:fs'
import { marked } from 'marked'

/** A database as a page's commands name it: `service=NAME`. */
export interface ServiceSpec {
  /** Default: the service's name. Created where it is not there. */
  readonly database?: string
  /** Default: the server's superuser. */
  readonly user?: string
  readonly password?: string
  /** PostgreSQL's major version; each has a server of its own. Default 18. */
  readonly major?: number
  /** Services of one name here share a server that no other has, so that the page can stop it. */
  readonly server?: string
}

/** What a page takes for granted, as JSON in a comment: `<!-- scene {…} -->`. */
export interface Scene {
  readonly services?: Readonly<Record<string, ServiceSpec>>
  /** Statements that are run first, as the superuser, for each service named. */
  readonly sql?: Readonly<Record<string, string>>
  /** Commands that are run before the page, after the statements: what it takes for set up. */
  readonly sh?: string
  /** The page installs rserv itself, from a registry that has this workspace's packages. */
  readonly installs?: boolean
  /** Variables of the shell that the page says to have. */
  readonly variables?: Readonly<Record<string, string>>
  /** Programs without which the page cannot be followed, such as `pg_dump`. */
  readonly needs?: readonly string[]
}

/** One thing to do of a page. */
export interface Step {
  readonly kind: 'sh' | 'sql' | 'file' | 'stop' | 'start'
  readonly text: string
  /** Line of the page. */
  readonly line: number
  /** What it prints, as far as the page says. */
  readonly output?: string
  /** It is to fail. */
  readonly fails: boolean
  /** The service of SQL, the path of a file, or the name of a server. */
  readonly where: string
}

export interface Page {
  readonly scene: Scene
  readonly steps: readonly Step[]
}

/**
 * Reads a page of the documentation. Its fenced blocks are steps by their info strings:
 * - `sh`: commands; `sh fails`: commands of which the last one is to fail;
 * - `sql on=SERVICE`: statements; `LANGUAGE file=PATH`: a file that the reader makes;
 * - `sh elsewhere=TEST`, `sql elsewhere=TEST`: run by that test, which has its lines;
 * - `output`: what the block before prints; `…` stands for anything.
 * Blocks in other languages are for reading. The comments `<!-- stop SERVER -->` and `<!-- start SERVER -->` let a server
 * crash and come back.
 * @throws Error for a block of commands that nobody would run
 */
export function readPage(text: string): Page {
  const steps: Step[] = []
  let scene: Scene = {}
  let line = 1
  let last: string | undefined
  for (const token of marked.lexer(text)) {
    if (token.type === 'html') {
      scene = { ...scene, ...sceneOf(token.text as string) }
      const [, kind, where] = /^<!--\s*(stop|start)\s+(\S+)\s*-->/.exec(token.text as string) ?? []
      if (kind && where) steps.push({ kind: kind as 'stop' | 'start', text: '', line, fails: false, where })
    }
    if (token.type === 'code') {
      const info = infoOf(String(token['lang'] ?? ''))
      const step = stepOf(info, token.text as string, line)
      if (step) steps.push(step)
      else if (info.language === 'output') addOutput(steps, last, token.text as string, line)
      last = info.language
    } else if (token.type !== 'space') last = undefined
    line += token.raw.split('\n').length - 1
  }
  return { scene, steps }
}

interface Info {
  readonly language: string
  readonly words: readonly string[]
  readonly options: Readonly<Record<string, string>>
}

function infoOf(text: string): Info {
  const [language = '', ...rest] = text.split(/\s+/)
  const pairs = rest.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string])
  return { language, words: rest.filter((word) => !word.includes('=')), options: Object.fromEntries(pairs) }
}

function stepOf({ language, words, options }: Info, text: string, line: number): Step | undefined {
  const fails = words.includes('fails')
  if (options['file']) return { kind: 'file', text: `${text}\n`, line, fails, where: options['file'] }
  if (options['elsewhere']) return void checkElsewhere(options['elsewhere'], text, line)
  if (/^(bash|shell|console|zsh)$/.test(language)) throw new Error(`line ${line}: commands are marked sh`)
  if (language === 'sh') return { kind: 'sh', text, line, fails, where: '' }
  if (language !== 'sql') return undefined
  if (!options['on'])
    throw new Error(`line ${line}: SQL without on=SERVICE, file=PATH or elsewhere=TEST is run by nobody`)
  return { kind: 'sql', text, line, fails, where: options['on'] }
}

function addOutput(steps: Step[], last: string | undefined, output: string, line: number): void {
  const step = steps.at(-1)
  if (!step || last !== 'sh' || step.kind !== 'sh') throw new Error(`line ${line}: output that follows no commands`)
  steps[steps.length - 1] = { ...step, output }
}

const ROOT = new URL('../../../../', import.meta.url)

/** A test that runs the commands of a page has them word by word. */
function checkElsewhere(test: string, text: string, line: number): void {
  const source = readFileSync(new URL(test, ROOT), 'utf8')
  for (const command of text.split('\n').map((one) => one.replace(/\s+#.*/, '').trim())) {
    if (!source.includes(command)) throw new Error(`line ${line}: ${test} does not run: ${command}`)
  }
}

function sceneOf(html: string): Scene {
  const json = /<!--\s*scene\s*({[^]*})\s*-->/.exec(html)?.[1]
  return json === undefined ? {} : (JSON.parse(json) as Scene)
}
