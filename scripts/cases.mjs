// npm run cases: writes docs/cases.md from docs/cases.json and the names of the tests.
//   node scripts/cases.mjs --check   fails where the page is out of date, a test names a number that does not exist, or
//                                    a case has neither a test nor a reason for being open
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import ts from 'typescript'
import { ROOT } from './workspace.mjs'

const PAGE = join(ROOT, 'docs', 'cases.md')
const { sections, titles, refused, open } = JSON.parse(readFileSync(join(ROOT, 'docs', 'cases.json'), 'utf8'))
const wrong = []

function testFiles() {
  const packages = readdirSync(join(ROOT, 'packages')).map((name) => join('packages', name, 'test'))
  const folders = ['tests', ...packages, join('packages', 'test-utils', 'src', 'conformance')]
  return folders.flatMap((folder) => {
    try {
      return readdirSync(join(ROOT, folder), { recursive: true })
        .filter((name) => name.endsWith('.ts') && !name.split(sep).includes('node_modules'))
        .map((name) => join(folder, name).replaceAll(sep, '/'))
        .toSorted()
    } catch {
      return []
    }
  })
}

/** `case 7`, `cases 1, 2`, `cases 29 to 31 and 33` */
function numbersIn(text) {
  const numbers = []
  for (const [, list] of text.matchAll(/\bcases? (\d+(?:(?:, | to | and )\d+)*)/gi)) {
    for (const part of list.split(/, | and /)) {
      const [first, last = first] = part.split(' to ').map(Number)
      for (let number = first; number <= last; number++) numbers.push(number)
    }
  }
  return [...new Set(numbers)]
}

/** Is it the name of a test, or of a row in a table of tests? */
function isName(node) {
  const { parent } = node
  if (ts.isPropertyAssignment(parent)) return parent.name.getText() === 'name'
  if (!ts.isCallExpression(parent) || parent.arguments[0] !== node) return false
  return /^(test|it|describe)\b/.test(parent.expression.getText())
}

/** Texts of the names of all tests in a file. */
function namesIn(file) {
  const source = ts.createSourceFile(file, readFileSync(join(ROOT, file), 'utf8'), ts.ScriptTarget.Latest, true)
  const names = []
  const visit = (node) => {
    if (ts.isStringLiteralLike(node) && isName(node)) names.push(node.text)
    else if (ts.isTemplateExpression(node) && isName(node)) names.push(node.getText().slice(1, -1))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

/** Case number → where it is tested. */
function coverage() {
  const tests = new Map()
  const note = (file, name, number) => {
    if (number < 1 || number > titles.length) wrong.push(`${file}: there is no case ${number} (“${name}”)`)
    tests.set(number, [...(tests.get(number) ?? []), `\`${file}\`: ${escape(name)}`])
  }
  for (const file of testFiles()) {
    for (const name of namesIn(file)) for (const number of numbersIn(name)) note(file, name, number)
  }
  return tests
}

function escape(text) {
  return text.replaceAll(/[\\`*_<>[\]$]/g, String.raw`\$&`)
}

function stateOf(number, tests) {
  if (tests.length === 0 && !(number in open)) {
    wrong.push(`case ${number} (${titles[number - 1]}) has no test, and docs/cases.json does not say why`)
  }
  if (refused.includes(number)) return tests.length > 0 ? 'refused' : 'open'
  if (number in open) return tests.length > 0 ? 'in part' : 'open'
  return 'covered'
}

function page() {
  const tests = coverage()
  const counts = { covered: 0, refused: 0, 'in part': 0, open: 0 }
  const lines = []
  for (const [index, title] of titles.entries()) {
    const number = index + 1
    const section = sections.find(({ from }) => from === number)
    if (section) lines.push('', `## ${section.title}`, '')
    const mine = tests.get(number) ?? []
    const state = stateOf(number, mine)
    counts[state]++
    lines.push(`- **${number}** ${escape(title)}: ${state}`)
    for (const test of mine) lines.push(`  - ${test}`)
    if (number in open) lines.push(`  - open: ${escape(open[number])}`)
  }
  return [
    '# Hard cases',
    '',
    'Situations in which a replicator of this kind can lose, invent or delay rows, or hurt the application on the master, and',
    'the tests that hold each. Written by `npm run cases` from the names of the tests; `npm run check` refuses a stale page.',
    '',
    `Of ${titles.length} cases ${counts.covered} are covered, ${counts.refused} refused with a message that a test expects, ` +
      `${counts['in part']} covered in part, ${counts.open} open.`,
    ...lines,
    '',
  ].join('\n')
}

const now = page()
if (process.argv.includes('--check')) {
  if (readFileSync(PAGE, 'utf8') !== now) wrong.push('docs/cases.md is out of date: run npm run cases')
} else {
  writeFileSync(PAGE, now)
}
for (const line of wrong) console.error(line)
process.exitCode = wrong.length === 0 ? 0 : 1
