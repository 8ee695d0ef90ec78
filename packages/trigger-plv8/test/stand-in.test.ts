import { describeTriggerBackend } from '@rserv/test-utils/conformance'
import { startPlv8StandIn } from '@rserv/test-utils/plv8'
import { backend } from '../src/index.ts'

// Not the real engine: the body runs in this process's V8, called by real triggers of a server without PLV8.
describeTriggerBackend(backend, {
  arrange: (database) => startPlv8StandIn(database, backend),
  label: 'in a stand-in for PLV8',
})
