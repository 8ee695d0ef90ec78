// npm run demo: sets up, then runs the demonstration; arguments are those of `rserv demo`.
import { bin, run, setUp } from './workspace.mjs'

setUp()
process.exitCode = run(bin('rserv'), ['demo', ...process.argv.slice(2)], { check: false })
