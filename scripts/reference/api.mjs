import ts from 'typescript'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ROOT } from '../workspace.mjs'
import { docOf } from './comments.mjs'
import { head } from './markdown.mjs'

const EXAMPLES = 'tests/api/operations.ts'
const OPTIONS = {
  module: ts.ModuleKind.NodeNext,
  customConditions: ['rserv-source'],
  allowImportingTsExtensions: true,
  noEmit: true,
  noLib: true,
  types: [],
}

/** Everything that the index of a package exports and that is of the package itself. */
function exportsOf(index, problem) {
  const file = join(ROOT, index)
  const program = ts.createProgram([file], OPTIONS)
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(file))
  const things = checker.getExportsOfModule(module).map((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    return { name: symbol.name, declaration: target.declarations?.[0] }
  })
  for (const { name, declaration } of things) if (!declaration) problem(`${index}: ${name} cannot be resolved`)
  const folder = index.replace('index.ts', '')
  return things.filter(({ declaration }) => declaration && fileOf(declaration).startsWith(folder)).toSorted(byName)
}

/** docs/reference/api.md */
export function apiPage(problem) {
  const index = 'packages/core/src/index.ts'
  const all = exportsOf(index, problem)
  const operations = all.filter(
    ({ declaration }) => isAsyncFunction(declaration) && fileOf(declaration).includes('/operations/'),
  )
  const examples = readExamples()
  for (const { name, declaration } of operations) {
    if (!docOf(declaration)) problem(`${fileOf(declaration)}: ${name} has no comment that says what it does`)
    if (!examples.has(name))
      console.error(`to do: ${EXAMPLES} has no “#region ${name}”: call ${name} there once, for docs/reference/api.md`)
  }
  return [
    ...head(
      'The TypeScript API',
      index,
      `Everything that \`@rserv/core\` exports. Databases are configurations of [pg](https://www.npmjs.com/package/pg). Every ` +
        `operation takes \`signal\` (an AbortSignal) and \`onEvent\`, and throws \`RservError\` with a [code](errors.md). What ` +
        `keeps many slaves up is [another package](service-api.md).`,
    ),
    '',
    `The examples are parts of [one program](../../${EXAMPLES}), which a test runs. They share these lines:`,
    '',
    '```ts',
    "import { masterInit, replicate } from '@rserv/core' // and whatever else is called",
    "import { backend } from '@rserv/trigger-plpgsql'",
    '',
    "const master = { host: 'db1', database: 'shop', user: 'repl' }",
    "const slave = { host: 'db2', database: 'shop_copy', user: 'repl' }",
    'const backends = async () => backend // for a table by the name of its backend',
    'const say = console.log',
    '```',
    '',
    '## Operations',
    ...operations.flatMap((thing) => [...section(thing), ...(examples.get(thing.name) ?? [])]),
    '',
    '## Types, and the rest',
    ...all.filter((thing) => !operations.includes(thing)).flatMap(section),
  ].join('\n')
}

/** docs/reference/service-api.md */
export function serviceApiPage(problem) {
  const index = 'packages/service/src/index.ts'
  const all = exportsOf(index, problem)
  const functions = all.filter(({ declaration }) => ts.isFunctionDeclaration(declaration))
  return [
    ...head(
      'The service, for programs',
      index,
      `Everything that \`@rserv/service\` exports: what keeps any number of masters and slaves up, made of the operations of ` +
        `[\`@rserv/core\`](api.md).`,
    ),
    ...functions.flatMap(section),
    '',
    '## Types',
    ...all.filter((thing) => !functions.includes(thing)).flatMap(section),
  ].join('\n')
}

/** Operation → its region of the program, as lines of Markdown. */
function readExamples() {
  const text = readFileSync(join(ROOT, EXAMPLES), 'utf8')
  const regions = text.matchAll(/^( *)\/\/ #region (\w+)\n([^]*?)^ *\/\/ #endregion/gm)
  return new Map(
    [...regions].map(([, indent, name, body]) => {
      const lines = body
        .trimEnd()
        .split('\n')
        .map((line) => line.replace(indent, ''))
      return [name, ['', 'Example:', '', '```ts', ...lines, '```']]
    }),
  )
}

function byName(a, b) {
  return a.name.localeCompare(b.name, 'en')
}

function isAsyncFunction(declaration) {
  return (
    ts.isFunctionDeclaration(declaration) &&
    declaration.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword)
  )
}

function fileOf(declaration) {
  return relative(ROOT, declaration.getSourceFile().fileName).replaceAll('\\', '/')
}

function section({ name, declaration }) {
  return ['', `### ${name}`, '', ...text(declaration), '```ts', signature(declaration), '```']
}

const TAGS = { throws: 'Throws', returns: 'Returns', param: 'Parameter' }

function text(declaration) {
  const doc = docOf(ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration, '\n')
  if (!doc) return []
  return [doc.replaceAll(/\n*@(throws|returns|param)\s+/g, (_, tag) => `\n\n_${TAGS[tag]}:_ `), '']
}

/** The declaration without bodies. */
function signature(declaration) {
  if (ts.isFunctionDeclaration(declaration)) {
    const end = declaration.body ? declaration.body.getStart() : declaration.getEnd()
    return declaration
      .getSourceFile()
      .text.slice(declaration.getStart(), end)
      .trim()
      .replace(/^export /, '')
  }
  if (ts.isVariableDeclaration(declaration)) return `const ${declaration.getText()}`
  if (ts.isClassDeclaration(declaration)) return withoutBodies(declaration)
  return declaration.getText().replace(/^export /, '')
}

function withoutBodies(declaration) {
  const members = declaration.members.map((member) => {
    const end = member.body ? member.body.getStart() : member.getEnd()
    return `  ${member.getSourceFile().text.slice(member.getStart(), end).trim()}`
  })
  const start = declaration.getSourceFile().text.slice(declaration.getStart(), declaration.members.pos).trim()
  return `${start.replace(/^export /, '')}\n${members.join('\n')}\n}`
}
