import type { ClientConfig } from 'pg'
import type { Call } from '../command.ts'
import { demoServer } from '../demo/server.ts'
import { setUpDemo } from '../demo/set-up.ts'
import { UsageError } from '../errors.ts'
import type { OptionName } from '../options.ts'
import { flag } from '../values.ts'

/** A database that the page shows. */
export interface Named {
  readonly name: string
  /** Anew each time: a password may have changed. */
  config(): Promise<ClientConfig>
}

/** What the page is about. */
export interface FollowedDatabases {
  readonly master: Named
  readonly slaves: readonly Named[]
  /** Do slaves wait for Replicate, where nothing else was asked for? */
  readonly manual: boolean
  /** Ends what was started for it. */
  stop(): Promise<void>
}

/** Names of the year 2000. */
const DEFAULT_NAMES = ['master', 'slave'] as const
const SERVER_OPTIONS: readonly OptionName[] = ['host', 'port', 'user', 'masterhost', 'slavehost']

/** Those of the command line; without any, an embedded server with two. @throws UsageError */
export async function followedDatabases(call: Call): Promise<FollowedDatabases> {
  const given = call.args.filter((arg) => arg !== undefined)
  if (given.length === 0 && !SERVER_OPTIONS.some((name) => call.options[name] !== undefined)) return embedded(call)
  if (given.length === 1) throw new UsageError('no slave given', 'Name the master and its slaves, or nothing.')
  const [master = DEFAULT_NAMES[0], ...slaves] = given.length === 0 ? DEFAULT_NAMES : given
  return own(call, master, slaves)
}

async function own({ side, invokedAs }: Call, master: string, slaves: readonly string[]): Promise<FollowedDatabases> {
  const configs: ClientConfig[] = []
  for (const slave of slaves) configs.push(await side('slave', slave))
  const names = namesOf(configs)
  const { database = '' } = await side('master', master)
  return {
    master: { name: database, config: () => side('master', master) },
    slaves: slaves.map((slave, index) => ({ name: names[index] ?? slave, config: () => side('slave', slave) })),
    manual: invokedAs === 'RservTest',
    stop: async () => undefined,
  }
}

/** Databases of one name are told apart by their hosts. @throws UsageError when one is given twice */
function namesOf(slaves: readonly ClientConfig[]): string[] {
  const full = slaves.map(({ database, host, port }) => `${database}@${host}:${port}`)
  const twice = full.find((name, index) => full.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(`slave ${twice} is given twice`, 'Name every slave once.')
  const short = slaves.map(({ database }) => database ?? '')
  return short.map((name, index) => (short.indexOf(name) === short.lastIndexOf(name) ? name : (full[index] ?? name)))
}

async function embedded(call: Call): Promise<FollowedDatabases> {
  if (flag(call.options, 'keep')) throw new UsageError('--keep is for rserv demo', 'Leave it out.')
  const env = { ...call.context.env, PGHOST: undefined }
  const server = await demoServer({ ...call, context: { ...call.context, env } }, DEFAULT_NAMES)
  try {
    await setUpDemo(call, server, DEFAULT_NAMES)
  } catch (error) {
    await server.stop(false)
    throw error
  }
  const [master, slave] = DEFAULT_NAMES.map((name) => ({ name, config: async () => server.config(name) }))
  if (!master || !slave) throw new Error('two names are two databases')
  return { master, slaves: [slave], manual: true, stop: () => server.stop(false) }
}
