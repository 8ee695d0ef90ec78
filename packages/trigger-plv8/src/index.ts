import type { BackendCapabilities, ServerFacts, TriggerBackend, Verdict } from '@rserv/core'
import { CONTRACT_VERSION } from '@rserv/core'
import { canCarry } from './carried-types.ts'
import { createFunctions, dropFunctions } from './functions.ts'
import { createTriggers, dropTriggers } from './triggers.ts'

export type { Cursor, ElogLevel, Plan, Plv8, Row, SqlValue } from './plv8-types.ts'

const capabilities: BackendCapabilities = { statementGranularity: true }

function canHost(server: ServerFacts): Verdict {
  if (server.languages.includes('plv8')) return { ok: true }
  return {
    ok: false,
    reason: 'the language plv8 is not installed in the database',
    hint: 'Run CREATE EXTENSION plv8 where the server has it, or use --backend plpgsql.',
  }
}

/** Captures changes with triggers in JavaScript, under PLV8 3. */
export const backend: TriggerBackend = {
  name: 'plv8',
  contractVersion: CONTRACT_VERSION,
  capabilities,
  canHost,
  canCapture: canCarry,
  createFunctions,
  createTriggers,
  remove: (table) => [...dropTriggers(table), ...dropFunctions(table)],
}
