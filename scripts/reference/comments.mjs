import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { ROOT } from '../workspace.mjs'

export function parse(path) {
  const file = join(ROOT, path)
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
}

/** The doc comment straight in front of a node, its lines joined; undefined where there is none. */
export function docOf(node, join = ' ') {
  const text = node.getSourceFile().text
  const range = ts
    .getLeadingCommentRanges(text, node.getFullStart())
    ?.findLast(({ pos }) => text.startsWith('/**', pos))
  return range && bare(text.slice(range.pos, range.end), join)
}

/** The doc comment between a member of a union and the one before it, which ends at `from`. */
export function docOfMember(member, from) {
  const between = member.getSourceFile().text.slice(from, member.getStart())
  const comment = between.match(/\/\*\*[^]*?\*\//g)?.at(-1)
  return comment && bare(comment, ' ')
}

function bare(comment, join) {
  const lines = comment.slice(3, -2).split('\n')
  return lines
    .map((line) => line.trim().replace(/^\*\s?/, ''))
    .join(join)
    .trim()
}

/** The line comment that opens a section in front of a node: `// On the master`. */
export function sectionOf(node) {
  const text = node.getSourceFile().text
  const ranges = ts.getLeadingCommentRanges(text, node.getFullStart()) ?? []
  const range = ranges.find(({ kind }) => kind === ts.SyntaxKind.SingleLineCommentTrivia)
  return range && text.slice(range.pos + 2, range.end).trim()
}

/** The first node of a tree that fits. @throws Error */
export function find(source, fits, what) {
  let found
  const visit = (node) => {
    if (!found && fits(node)) found = node
    if (!found) ts.forEachChild(node, visit)
  }
  visit(source)
  if (!found) throw new Error(`${source.fileName} has no ${what}`)
  return found
}
