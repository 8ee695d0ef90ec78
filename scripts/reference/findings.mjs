import ts from 'typescript'
import { docOf, find, parse, sectionOf } from './comments.mjs'
import { code, head, table } from './markdown.mjs'

const SOURCE = 'packages/core/src/check/finding.ts'

/** docs/reference/findings.md */
export function findingsPage(problem) {
  const list = find(
    parse(SOURCE),
    (node) => ts.isVariableDeclaration(node) && node.name.getText() === 'FINDINGS',
    'FINDINGS',
  )
  const sections = []
  for (const property of list.initializer.expression.expression.properties) {
    const section = sectionOf(property)
    if (section) sections.push({ section, rows: [] })
    const doc = docOf(property)
    if (!doc) problem(`${SOURCE}: ${property.name.text} has no comment that says what it means`)
    sections.at(-1).rows.push([code(property.name.text), property.initializer.text, doc ?? ''])
  }
  return [
    ...head(
      'What `rserv check` finds',
      SOURCE,
      `A \`problem\` means that changes are or will be lost, or that a transfer will fail; a \`warning\` may mean one, or ` +
        `become one; a \`note\` is good to know. Codes are stable; each finding also has a text and a fix, a statement or a ` +
        `command where there is one. [Check and verify](../guides/check-and-verify.md) says how far they can be trusted.`,
    ),
    ...sections.flatMap(({ section, rows }) => [
      '',
      `## ${section}`,
      '',
      ...table(['code', 'severity', 'means'], rows),
    ]),
  ].join('\n')
}
