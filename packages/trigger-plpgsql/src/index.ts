import type { BackendCapabilities, CaptureTable, ServerFacts, TriggerBackend, Verdict } from '@rserv/core'
import { CONTRACT_VERSION } from '@rserv/core'
import { createFunctions, dropFunctions } from './functions.ts'
import { createTriggers, dropTriggers } from './triggers.ts'

const capabilities: BackendCapabilities = { statementGranularity: true }

function canHost(server: ServerFacts): Verdict {
  if (server.languages.includes('plpgsql')) return { ok: true }
  return {
    ok: false,
    reason: 'the language plpgsql is not installed in the database',
    hint: 'Run CREATE EXTENSION plpgsql as the owner of the database.',
  }
}

/** Captures changes with PL/pgSQL triggers; any key that PostgreSQL can index is carried exactly. */
export const backend: TriggerBackend = {
  name: 'plpgsql',
  contractVersion: CONTRACT_VERSION,
  capabilities,
  canHost,
  canCapture: () => ({ ok: true }),
  createFunctions,
  createTriggers,
  remove: (table: CaptureTable) => [...dropTriggers(table), ...dropFunctions(table)],
}
