// npm run soak -- --minutes 30 --seed N [--major 18]: random histories for as long as you like.
import { parseArgs } from 'node:util'
import { bin, run, setUp } from './workspace.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    major: { type: 'string', default: '18' },
  },
})
setUp()
process.exitCode = run(bin('vitest'), ['run', 'tests/histories'], {
  check: false,
  env: { RSERV_SOAK_MINUTES: values.minutes, RSERV_SOAK_SEED: values.seed, RSERV_TEST_PG: values.major },
})
