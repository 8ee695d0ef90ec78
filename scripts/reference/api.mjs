import ts from 'typescript'
import { join, relative } from 'node:path'
import { ROOT } from '../workspace.mjs'
import { docOf } from './comments.mjs'
import { head } from './markdown.mjs'

const INDEX = 'packages/core/src/index.ts'
const OPTIONS = {
  module: ts.ModuleKind.NodeNext,
  allowImportingTsExtensions: true,
  noEmit: true,
  noLib: true,
  types: [],
}

/** docs/reference/api.md */
export function apiPage(problem) {
  const file = join(ROOT, INDEX)
  const program = ts.createProgram([file], OPTIONS)
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(file))
  const things = checker.getExportsOfModule(module).map((symbol) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    return { name: symbol.name, declaration: target.declarations?.[0] }
  })
  for (const { name, declaration } of things) if (!declaration) problem(`${INDEX}: ${name} cannot be resolved`)
  const known = things.filter(({ declaration }) => declaration)
  const functions = known.filter(({ declaration }) => ts.isFunctionDeclaration(declaration))
  const operations = functions.filter(({ declaration }) => fileOf(declaration).includes('/operations/'))
  const others = known.filter((thing) => !operations.includes(thing))
  for (const { name, declaration } of operations) {
    if (!docOf(declaration)) problem(`${fileOf(declaration)}: ${name} has no comment that says what it does`)
  }
  return [
    ...head(
      'The TypeScript API',
      INDEX,
      `Everything that \`@rserv/core\` exports. Databases are configurations of [pg](https://www.npmjs.com/package/pg). Every ` +
        `operation takes \`signal\` (an AbortSignal) and \`onEvent\`, and throws \`RservError\` with a [code](errors.md).`,
    ),
    '',
    '## Operations',
    ...operations.toSorted(byName).flatMap(section),
    '',
    '## Types, and the rest',
    ...others.toSorted(byName).flatMap(section),
  ].join('\n')
}

function byName(a, b) {
  return a.name.localeCompare(b.name, 'en')
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
