import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`packages/${path}`, import.meta.url))
const PACKAGES = ['core', 'trigger-plpgsql', 'trigger-plv8', 'embedded', 'test-utils', 'service', 'web', 'cli']

/** Each worker has a server of its own; one that is given is shared by tests that run one after another. */
const given = process.env['RSERV_TEST_DATABASE_URL'] ?? process.env['RSERV_TEST_IMAGE']

export default defineConfig({
  resolve: {
    // Tests run on the sources, so they need no build; only those that start the CLI do.
    alias: [
      { find: '@rserv/test-utils/conformance', replacement: source('test-utils/src/conformance/index.ts') },
      { find: '@rserv/test-utils/plv8', replacement: source('test-utils/src/plv8/index.ts') },
      ...PACKAGES.map((name) => ({
        find: new RegExp(`^@rserv/${name}$`),
        replacement: source(`${name}/src/index.ts`),
      })),
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
    globalSetup: [source('test-utils/src/global-setup.ts')],
    maxWorkers: given ? 1 : Math.min(4, availableParallelism()),
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // A loaded machine takes its time.
    expect: { poll: { timeout: 30_000 } },
  },
})
