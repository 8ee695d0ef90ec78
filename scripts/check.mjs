// npm run check: lint, format, types, layers, unused code, documentation, packaging.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { bin, ROOT, run, setUp } from './workspace.mjs'

setUp()
run(bin('oxlint'), ['--deny-warnings'])
run(bin('oxfmt'), ['--check'])
run(bin('turbo'), ['run', 'check-types', '--output-logs=errors-only'])
run('node', [join(ROOT, 'scripts', 'check-layers.mjs')])
run('node', [join(ROOT, 'scripts', 'cases.mjs'), '--check'])
run('node', [join(ROOT, 'scripts', 'reference.mjs'), '--check'])
run('node', [join(ROOT, 'scripts', 'check-links.mjs')])
run(bin('knip'), [])
for (const name of readdirSync(join(ROOT, 'packages'))) run(bin('publint'), ['--strict', join('packages', name)])
console.log('all checks passed')
