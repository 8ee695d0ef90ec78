import { describeTriggerBackend } from '@rserv/test-utils/conformance'
import { backend } from '../src/index.ts'

describeTriggerBackend(backend)
