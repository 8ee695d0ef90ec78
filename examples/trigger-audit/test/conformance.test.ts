import { describeTriggerBackend } from '@rserv/test-utils/conformance'
import { backend } from '../src/index.js'

describeTriggerBackend(backend)
