import type { BackendResolver, Granularity, TriggerBackend } from '@rserv/core'
import { RservError } from '@rserv/core'
import type { ClientConfig } from 'pg'
import { describe, expect, test } from 'vitest'
import type { TestDatabase } from '../databases.ts'
import { createDatabase, onServer, sharedServer } from '../databases.ts'
import { KEY_TYPE_SCRIPTS } from './key-types.ts'
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
 * that the backend refuses is skipped with its reason; nothing else may be refused.
 */
export function describeTriggerBackend(backend: TriggerBackend, options: ConformanceOptions = {}): void {
  for (const granularity of granularities(backend)) {
    const label = options.label ? ` ${options.label}` : ''
    describe(`backend ${backend.name}${label}, ${granularity} granularity`, () => {
      test.for(SCRIPTS)('$name', async (script, { skip }) => {
        const server = options.server ?? sharedServer()
        const major = await majorOf(server)
        if (script.since !== undefined && major < script.since)
          skip(`needs PostgreSQL ${script.since}, this is ${major}`)
        await using database = await createDatabase({ label: 'conf', server })
        const outcome = await runOn(database, script, { backend, granularity, arrange: options.arrange })
        if ('refused' in outcome) skip(outcome.refused)
        else
          for (const { sql, missing, extra } of outcome.results)
            expect({ missing, extra }, sql).toEqual({ missing: [], extra: [] })
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
  database: TestDatabase,
  script: Script,
  { backend, granularity, arrange }: Arrangement,
): Promise<{ results: StepResult[] } | { refused: string }> {
  await using arranged = arrange ? await arrange(database) : undefined
  const backends: BackendResolver = async () => arranged?.backend ?? backend
  // Without a wish core chooses: row triggers where a table needs them.
  const wanted = granularity === 'row' ? granularity : undefined
  try {
    return { results: await runScript(database, script, { backend: backend.name, backends, granularity: wanted }) }
  } catch (error) {
    const refusal = error instanceof RservError && error.code === 'BACKEND' && KEY_TYPE_SCRIPTS.includes(script)
    if (refusal) return { refused: error.message }
    throw error
  }
}

async function majorOf(server: ClientConfig): Promise<number> {
  return onServer(server, async (client) => {
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`)
    return Math.floor(Number(rows[0]?.version) / 10_000)
  })
}
