import type { BackendResolver, Granularity, TriggerBackend } from '@rserv/core'
import type { ClientConfig } from 'pg'
import { describe, expect, test } from 'vitest'
import { createDatabase, onServer, sharedServer } from '../databases.ts'
import { KEY_TYPE_SCRIPTS } from './key-types.ts'
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
}

/**
 * The suite that every trigger backend must pass, called from the backend's own test file:
 *
 * ```ts
 * describeTriggerBackend(backend)
 * ```
 *
 * Fixed scripts of changes in all shapes; after each transaction the keys logged under its id must be all that
 * changed, and no others wherever no statement failed. Runs at every granularity that the backend has.
 */
export function describeTriggerBackend(backend: TriggerBackend, options: ConformanceOptions = {}): void {
  const backends: BackendResolver = async () => backend
  for (const granularity of granularities(backend)) {
    describe(`backend ${backend.name}, ${granularity} granularity`, () => {
      test.for(SCRIPTS)('$name', async (script) => {
        const server = options.server ?? sharedServer()
        if (script.since !== undefined && (await majorOf(server)) < script.since) return
        await using database = await createDatabase({ label: 'conf', server })
        const wanted = granularity === 'row' ? granularity : undefined
        const results = await runScript(database, script, { backend: backend.name, backends, granularity: wanted })
        for (const { sql, missing, extra } of results)
          expect({ missing, extra }, sql).toEqual({ missing: [], extra: [] })
      })
    })
  }
}

function granularities(backend: TriggerBackend): Granularity[] {
  return backend.capabilities.statementGranularity ? ['statement', 'row'] : ['row']
}

async function majorOf(server: ClientConfig): Promise<number> {
  return onServer(server, async (client) => {
    const { rows } = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`)
    return Math.floor(Number(rows[0]?.version) / 10_000)
  })
}
