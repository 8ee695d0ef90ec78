// npm run reference: writes the generated pages of docs/reference from the source.
//   node scripts/reference.mjs --check   fails where one of them is out of date, or the source says nothing about a thing
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiPage, serviceApiPage } from './reference/api.mjs'
import { commandsPage, optionsPage } from './reference/commands.mjs'
import { databasePage } from './reference/database.mjs'
import { errorsPage } from './reference/errors.mjs'
import { findingsPage } from './reference/findings.mjs'
import { logPage } from './reference/log.mjs'
import { metricsPage } from './reference/metrics.mjs'
import { ROOT, setUp } from './workspace.mjs'

const checking = process.argv.includes('--check')
// npm run check has built everything already.
if (!checking) setUp()

const pages = {
  'commands.md': commandsPage,
  'options.md': optionsPage,
  'errors.md': errorsPage,
  'findings.md': findingsPage,
  'metrics.md': metricsPage,
  'log.md': logPage,
  'database.md': databasePage,
  'api.md': apiPage,
  'service-api.md': serviceApiPage,
}
const wrong = []
const folder = join(ROOT, 'docs', 'reference')
mkdirSync(folder, { recursive: true })
for (const [name, make] of Object.entries(pages)) {
  const text = `${await make((problem) => wrong.push(problem))}\n`
  const file = join(folder, name)
  if (!checking) writeFileSync(file, text)
  else if (read(file) !== text) {
    wrong.push(
      `docs/reference/${name} is out of date. Run: npm run reference   and commit docs/reference with your change.`,
    )
  }
}
for (const line of wrong) console.error(line)
process.exitCode = wrong.length === 0 ? 0 : 1

function read(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
