import type { MasterSpec } from '@rserv/service'
import type { ClientConfig } from 'pg'
import type { Call } from '../command.ts'
import { UsageError } from '../errors.ts'
import { number, whole } from '../values.ts'
import type { Settings } from './settings.ts'

const CLEAN_EVERY_SECONDS = 60

/** A master and its slaves from the command line. What cannot pass ends it. @throws UsageError */
export async function fromArguments(call: Call): Promise<Settings> {
  const { args, options, side } = call
  const [master, ...slaves] = args
  if (slaves.length === 0) {
    throw new UsageError('no slave is given', 'Give a master and its slaves, or a configuration with --config FILE.')
  }
  const masterConfig = await side('master', master)
  const configs: ClientConfig[] = []
  for (const slave of slaves) configs.push(await side('slave', slave))
  const names = namesOf(configs)
  const every = number(options, 'cleanEvery') ?? CLEAN_EVERY_SECONDS
  const pause = number(options, 'pause')
  const jobs = whole(options, 'jobs')
  const spec: MasterSpec = {
    name: masterConfig.database ?? '',
    source: () => side('master', master),
    clean: every === 0 ? null : { everySeconds: every },
    slaves: slaves.map((slave, index) => ({
      name: names[index] ?? '',
      source: () => side('slave', slave),
      busyMs: (number(options, 'busyPause') ?? 0.3) * 1000,
      throttle: pause ? { pauseMs: pause * 1000 } : undefined,
      jobs,
    })),
  }
  return { spec: { masters: [spec], backends: call.backends, strict: true } }
}

/** Databases of one name are told apart by their hosts. @throws UsageError when one is given twice */
function namesOf(slaves: readonly ClientConfig[]): string[] {
  const full = slaves.map(({ database, host, port }) => `${database}@${host}:${port}`)
  const twice = full.find((name, index) => full.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(`slave ${twice} is given twice`, 'Name every slave once.')
  const short = slaves.map(({ database }) => database ?? '')
  return short.map((name, index) => (short.indexOf(name) === short.lastIndexOf(name) ? name : (full[index] ?? name)))
}
