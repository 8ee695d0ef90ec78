import type { BackendResolver, Granularity, TriggerBackend } from '@rserv/core'
import type { ClientConfig } from 'pg'
import { describe, expect, test } from 'vitest'
import type { TestDatabase } from '../databases.ts'
import { createDatabase, onServer, sharedServer } from '../databases.ts'
import { KEY_TYPE_SCRIPTS, keyTypeOf } from './key-types.ts'
import type { StepResult } from './run-script.ts'
import { runScript } from './run-script.ts'
import type { Script } from './script.ts'
import { STATEMENTS } from './statements.ts'
import { STRUCTURES } from './structures.ts'
import { TRANSACTIONS } from './transactions.ts'

/** All scripts of the suite. */
export const SCRIPTS: readonly Script[] = [...STATEMENTS, ...STRUCTURES, ...TRANSACTIONS, ...KEY_TYPE_SCRIPTS]

export interface ConformanceOptions {
  /** Server to run on; default the shared one of the run. */
  readonly server?: ClientConfig
  /** Makes a new database ready for the backend (an extension, say), or gives a variant of the backend for it. */
  readonly arrange?: (database: TestDatabase) => Promise<{ readonly backend: TriggerBackend } & AsyncDisposable>
  /** Words behind the backend's name in the names of the tests. */
  readonly label?: string
  /** Types of key columns, named as in KEY_TYPE_SCRIPTS, that the backend must refuse. Default none. */
  readonly refusedKeyTypes?: readonly string[]
  /** The engine is not here: every test is skipped. The label should say why. Default false. */
  readonly absent?: boolean
}

/**
 * The suite that every trigger backend must pass, called from the backend's own test file:
 *
 * ```ts
 * describeTriggerBackend(backend)
 * ```
 *
 * Fixed scripts of changes in all shapes; after each transaction the keys logged under its id must be all that
 * changed, and no others wherever no statement failed. Runs at every granularity that the backend has. A key type
 * that the backend cannot carry must be refused by an error that names the column, the type and what to do.
 */
export function describeTriggerBackend(backend: TriggerBackend, options: ConformanceOptions = {}): void {
  const refused = new Set(options.refusedKeyTypes)
  const isRefused = (script: Script): boolean => refused.has(keyTypeOf(script) ?? '')
  const label = options.label ? ` ${options.label}` : ''
  for (const granularity of granularities(backend)) {
    describe.skipIf(options.absent)(`backend ${backend.name}${label}, ${granularity} granularity`, () => {
      test.for(SCRIPTS.filter((script) => !isRefused(script)))('$name', async (script, { skip }) => {
        const server = options.server ?? sharedServer()
        const major = await majorOf(server)
        if (script.since !== undefined && major < script.since)
          skip(`needs PostgreSQL ${script.since}, this is ${major}`)
        const results = await runOn(server, script, { backend, granularity, arrange: options.arrange })
        for (const { sql, missing, extra } of results)
          expect({ missing, extra }, sql).toEqual({ missing: [], extra: [] })
      })

      test.for(SCRIPTS.filter(isRefused))('refuses a $name', async (script) => {
        const run = runOn(options.server ?? sharedServer(), script, { backend, granularity, arrange: options.arrange })
        const error: unknown = await run.then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
        expect(error).toMatchObject({ code: 'BACKEND', hint: expect.stringMatching(/\w/) })
        expect(String(error)).toMatch(/column "?k"? .*type/)
      })
    })
  }
}

function granularities(backend: TriggerBackend): Granularity[] {
  return backend.capabilities.statementGranularity ? ['statement', 'row'] : ['row']
}

interface Arrangement {
  readonly backend: TriggerBackend
  readonly granularity: Granularity
  readonly arrange: ConformanceOptions['arrange']
}

async function runOn(
  server: ClientConfig,
  script: Script,
  { backend, granularity, arrange }: Arrangement,
): Promise<StepResult[]> {
  await using database = await createDatabase({ label: 'conf', server })
  await using arranged = arrange ? await arrange(database) : undefined
  const backends: BackendResolver = async () => arranged?.backend ?? backend
  // Without a wish core chooses: row triggers where a table needs them.
  const wanted = granularity === 'row' ? granularity : undefined
  return await runScript(database, script, { backend: backend.name, backends, granularity: wanted })
}

async function majorOf(server: ClientConfig): Promise<number> {
  return onServer(server, async (client) => {
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`)
    return Math.floor(Number(rows[0]?.version) / 10_000)
  })
}
