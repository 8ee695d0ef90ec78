import type { ControlResult, Throttle } from '@rserv/core'
import { pauseSlaves, resumeSlaves, throttleSlaves } from '@rserv/core'
import type { Call, Command, Outcome } from '../command.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { flag, positive, size } from '../values.ts'

const ARGUMENTS = [
  { name: '<masterdb>', help: 'the master' },
  { name: '[slave]', help: 'name of the slave, as status shows it; default: every slave that the master knows' },
]
const WHERE =
  `It is noted on the master, where every rserv run looks once a second, wherever it runs; and it holds when that is ` +
  `started anew. A single replicate is not held by it.`

export const pauseCommand: Command = {
  name: 'pause',
  summary: 'let nothing be transferred to a slave until it is resumed',
  details: `The transfer in hand is finished. The log of the master grows meanwhile. ${WHERE}`,
  arguments: ARGUMENTS,
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['pause shop', 'pause shop berlin'],
  async run(call) {
    const { database, server } = await meant(call)
    return told(await pauseSlaves(database, { ...call.common, server }), ['paused', 'was paused already'])
  },
}

export const resumeCommand: Command = {
  name: 'resume',
  summary: 'go on with a slave that was paused',
  arguments: ARGUMENTS,
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['resume shop', 'resume shop berlin'],
  async run(call) {
    const { database, server } = await meant(call)
    return told(await resumeSlaves(database, { ...call.common, server }), ['resumed', 'was not paused'])
  },
}

export const throttleCommand: Command = {
  name: 'throttle',
  summary: 'bound what is transferred to a slave',
  details:
    `Each transfer is still one transaction: bytes are held back inside it, and after it rserv run rests until the average ` +
    `is kept. The bounds given here ` +
    `hold instead of those of its configuration; --off ends that. ${WHERE}`,
  arguments: ARGUMENTS,
  options: ['rows', 'bytes', 'pause', 'off', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['throttle shop berlin --rows 5000', 'throttle shop --bytes 2MB --pause 1', 'throttle shop berlin --off'],
  async run(call) {
    const { database, server } = await meant(call)
    const throttle = throttleOf(call)
    const result = await throttleSlaves(database, throttle, { ...call.common, server })
    return throttle
      ? told(result, ['throttled', 'had this throttle already'])
      : told(result, ['no longer throttled', 'was not throttled'])
  },
}

/** @throws UsageError unless it is bounds, or --off */
function throttleOf({ options }: Call): Throttle | null {
  const pause = positive(options, 'pause')
  const bounds = {
    rowsPerSecond: positive(options, 'rows'),
    bytesPerSecond: size(options, 'bytes'),
    pauseMs: pause === undefined ? undefined : pause * 1000,
  }
  const some = Object.values(bounds).some((value) => value !== undefined)
  if (some === flag(options, 'off')) {
    throw new UsageError('no bound is given, or one with --off', 'Give --rows, --bytes or --pause, or --off alone.')
  }
  return some ? bounds : null
}

async function meant(call: Call): Promise<{ database: Parameters<typeof pauseSlaves>[0]; server: string | undefined }> {
  const [master, server] = call.args
  return { database: await call.database(master), server }
}

function told(result: ControlResult, [done, before]: readonly [string, string]): Outcome {
  const { servers, changed } = result
  const lines = servers.map((server) => `${server}: ${changed.includes(server) ? done : before}`)
  return { json: result, text: lines.join('\n') }
}
