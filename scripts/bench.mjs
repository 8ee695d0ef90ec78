// npm run bench: sets up, then measures; arguments are those of bench/src/options.ts.
import { join } from 'node:path'
import { ROOT, run, setUp } from './workspace.mjs'

setUp()
process.exitCode = run('node', [join(ROOT, 'bench', 'dist', 'main.js'), ...process.argv.slice(2)], { check: false })
