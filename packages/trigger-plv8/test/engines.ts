import type { ConformanceOptions } from '@rserv/test-utils/conformance'
import { sharedPlv8Server, startPlv8StandIn, WITHOUT_PLV8 } from '@rserv/test-utils/plv8'
import { backend } from '../src/index.ts'

interface Engine extends ConformanceOptions {
  readonly label: string
  readonly absent: boolean
  /** plv8_reset() in a transaction that has fired triggers in PLV8 3.2.2, whoever's, ends the server's process. */
  readonly crashesOnReset: boolean
  readonly arrange: NonNullable<ConformanceOptions['arrange']>
}

const refusedKeyTypes = [
  'numeric',
  'date',
  'timestamp',
  'timestamptz',
  'interval',
  'tstzrange',
  'jsonb',
  'integer[]',
  'text[]',
  'pair',
]

/** The body in this process's V8, called by real triggers of a server without PLV8. */
const standIn: Engine = {
  refusedKeyTypes,
  label: 'in a stand-in for PLV8',
  absent: false,
  crashesOnReset: false,
  arrange: (database) => startPlv8StandIn(database, backend),
}

const server = sharedPlv8Server()

const real: Engine = {
  refusedKeyTypes,
  label: server ? 'on real PLV8' : `on real PLV8 (${WITHOUT_PLV8})`,
  absent: !server,
  crashesOnReset: true,
  ...(server ? { server } : {}),
  arrange: async (database) => {
    await database.query('create extension plv8')
    return { backend, [Symbol.asyncDispose]: async () => undefined }
  },
}

export const ENGINES: readonly Engine[] = [standIn, real]
