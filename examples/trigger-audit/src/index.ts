import type { TriggerBackend } from '@rserv/core'
import { createFunctions, dropFunctions } from './functions.js'
import { createTriggers, dropTriggers } from './triggers.js'

/** Captures with row triggers in PL/pgSQL, which also say who changed which row, and when. */
export const backend: TriggerBackend = {
  // The name of the npm package: it is recorded in the database.
  name: 'rserv-backend-audit',
  // Of the contract that it was written for; not the constant, which would claim every later one too.
  contractVersion: 1,
  // No statement triggers: core asks for row granularity only.
  capabilities: {},
  canHost: ({ languages }) =>
    languages.includes('plpgsql')
      ? { ok: true }
      : {
          ok: false,
          reason: 'the language plpgsql is not installed in the database',
          hint: 'Run CREATE EXTENSION plpgsql as the owner of the database.',
        },
  canCapture: () => ({ ok: true }),
  createFunctions,
  createTriggers,
  remove: (table) => [...dropTriggers(table), ...dropFunctions(table)],
}
