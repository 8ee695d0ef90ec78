// npm run screenshots: the tests of the page once more, which now leave their pictures in docs/images.
import { bin, run, setUp } from './workspace.mjs'

setUp()
process.exitCode = run(bin('vitest'), ['run', 'packages/web/test/ui-'], {
  check: false,
  env: { RSERV_SCREENSHOTS: '1' },
})
