import { describeTriggerBackend } from '@rserv/test-utils/conformance'
import { backend } from '../src/index.ts'
import { ENGINES } from './engines.ts'

for (const engine of ENGINES) describeTriggerBackend(backend, engine)
