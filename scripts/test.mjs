// npm test: sets up, then runs the suite on PostgreSQL 18 and its core on 14.
//   npm test -- --all-majors          the core on every supported major
//   npm test -- --major 16 FILE…      one major only; further arguments are vitest's
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { getTestTools } from './test-tools.mjs'
import { bin, ROOT, run, setUp } from './workspace.mjs'

const LATEST = '18'
const OLDEST = '14'
const ALL = ['14', '15', '16', '17', '18']
/** The tests that do not depend on the server's version in some other way than through SQL. */
const CORE = ['tests', 'conformance']

const args = process.argv.slice(2)

function take(flag, hasValue) {
  const at = args.indexOf(flag)
  if (at === -1) return undefined
  return hasValue ? args.splice(at, 2)[1] : args.splice(at, 1)[0]
}

function plan() {
  const major = take('--major', true)
  if (major) return [{ major, filters: args }]
  const majors = take('--all-majors', false) ? ALL : [OLDEST, LATEST]
  if (args.length > 0) return [{ major: process.env.RSERV_TEST_PG ?? LATEST, filters: args }]
  if (process.env.RSERV_TEST_DATABASE_URL || process.env.RSERV_TEST_IMAGE) return [{ major: 'of its own', filters: [] }]
  return majors.toReversed().map((each) => ({ major: each, filters: each === LATEST ? [] : CORE }))
}

const total = { passed: 0, failed: 0, skipped: 0 }

function runSuite({ major, filters }) {
  const report = join(tmpdir(), `rserv-test-${process.pid}-${major}.json`)
  console.log(`\nPostgreSQL ${major}`)
  const env = major === 'of its own' ? {} : { RSERV_TEST_PG: major }
  const code = run(
    bin('vitest'),
    ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters],
    { check: false, env },
  )
  count(report, code)
}

function count(report, code) {
  try {
    const result = JSON.parse(readFileSync(report, 'utf8'))
    total.passed += result.numPassedTests
    total.failed += result.numFailedTests
    // A suite that fails outside of its tests, or a server that would not start, is a failure too.
    if (code !== 0 && result.numFailedTests === 0) total.failed += 1
    for (const file of result.testResults) {
      reportFailed(file)
      const skipped = file.assertionResults.filter(({ status }) => status === 'skipped' || status === 'pending')
      total.skipped += skipped.length
      reportSkipped(skipped, file.assertionResults)
    }
  } catch {
    total.failed += 1
  } finally {
    rmSync(report, { force: true })
  }
}

/** At the end, where it is found: the output of hundreds of tests is long. */
function reportFailed({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((test) => test.status === 'failed')
  const where = relative(ROOT, name)
  for (const { fullName, failureMessages } of failed)
    console.log(`FAILED: ${where}: ${fullName}\n${failureMessages.join('\n')}`)
  if (status === 'failed' && failed.length === 0) console.log(`FAILED: ${where}: ${message}`)
}

const groupOf = ({ ancestorTitles }) => ancestorTitles.join(' ')

/** A group that is skipped as a whole is one line: its name has the reason. */
function reportSkipped(skipped, all) {
  for (const group of new Set(skipped.map(groupOf))) {
    const tests = skipped.filter((test) => groupOf(test) === group)
    if (group !== '' && tests.length === all.filter((test) => groupOf(test) === group).length)
      console.log(`SKIPPED: ${tests.length} tests: ${group}`)
    else for (const { fullName } of tests) console.log(`SKIPPED: ${fullName}`)
  }
}

setUp()
getTestTools()
for (const suite of plan()) runSuite(suite)
if (total.passed === 0) total.failed += 1
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : ''
console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`)
process.exitCode = total.failed === 0 ? 0 : 1
