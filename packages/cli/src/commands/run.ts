import { resolve } from 'node:path'
import type { RservEvent } from '@rserv/core'
import { RservError } from '@rserv/core'
import type { Service, ServiceEvent } from '@rserv/service'
import { createService } from '@rserv/service'
import type { Call, Command, Outcome } from '../command.ts'
import { UsageError } from '../errors.ts'
import type { Log } from '../logging/log.ts'
import { Moved } from '../logging/moved.ts'
import { logOf } from '../logging/open.ts'
import { tellEvent, tellNotice } from '../logging/tell-event.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { fromArguments } from '../running/from-arguments.ts'
import { fromFile } from '../running/from-file.ts'
import { Web } from '../running/web.ts'
import type { Settings } from '../running/settings.ts'
import { flagName, text } from '../values.ts'

const DEFAULT_FILE = 'rserv.yaml'

export const runCommand: Command = {
  name: 'run',
  summary: 'follow masters: keep their slaves up until told to stop',
  details:
    `What to follow is said by a configuration file, which rserv init writes, or by a master and its slaves as arguments. ` +
    `Looks for changes often while there are any and seldom while there are none; connects again, later each time, when a ` +
    `server is gone. A slave that is down does not delay another, nor a table that cannot be applied the others: it is ` +
    `left out, tried again every minute, and copied when it can be. The first SIGINT or SIGTERM ends it after the ` +
    `transfers in hand, a second one rolls them back. SIGHUP reads the configuration again; one that is wrong is refused, ` +
    `and the old one goes on. One line for everything that is worth knowing, with --log-level debug for every transfer; with ` +
    `--json one document a line.`,
  arguments: [
    { name: '[masterdb]', help: 'the master; without it, the configuration file says all' },
    { name: '[slavedbs...]', help: 'its slaves' },
  ],
  options: [
    'config',
    'listen',
    'tokenFile',
    'logLevel',
    'logFormat',
    'pause',
    'busyPause',
    'jobs',
    'cleanEvery',
    ...TWO_DATABASES,
    ...EVERYWHERE,
  ],
  examples: [
    'run',
    'run --config /etc/rserv.yaml',
    'run shop shop_copy',
    'run service=shop service=berlin service=paris --json',
  ],
  async run(call) {
    const file = fileOf(call)
    const settings = file === undefined ? await fromArguments(call) : await fromFile(call, file)
    const log = logOf(
      call,
      { format: text(call.options, 'logFormat'), level: text(call.options, 'logLevel') },
      settings.log ?? {},
    )
    const { signal } = call.context
    const onEvent = (event: RservEvent): void => tellNotice(log, event)
    log.say('started', `process ${process.pid}, ${file ?? 'as the arguments say'}`, {
      pid: process.pid,
      file: file ?? null,
    })
    const service = createService({ ...settings.spec, onEvent }, { signal })
    const events = service.events()
    call.context.endGracefully().addEventListener('abort', () => {
      log.say('stopping', 'the transfers in hand are finished')
      void service.stop()
    })
    const web = new Web(call, service, log)
    try {
      await web.change(web.wanted(settings.http))
      if (file !== undefined) onHangup(call, { file, service, web, log, onEvent })
      await tellAll(log, events)
      await service.done
    } finally {
      await service.stop()
      await web.close()
    }
    if (signal.aborted) throw new RservError('CANCELLED', 'cancelled; what was in hand was rolled back')
    log.say('ended', 'in order')
    return TOLD
  },
}

/** Milliseconds between two lines that sum up what was applied. */
const SUM_UP_MS = 60_000

async function tellAll(log: Log, events: AsyncIterable<ServiceEvent>): Promise<void> {
  const moved = new Moved()
  const timer = setInterval(() => moved.tell(log), SUM_UP_MS)
  try {
    for await (const event of events) {
      moved.note(event)
      tellEvent(log, event)
    }
  } finally {
    clearInterval(timer)
    moved.tell(log)
  }
}

/** Line by line. */
const TOLD: Outcome = { json: undefined, text: '' }

/** The configuration file; undefined: the arguments say what to do. @throws UsageError for both */
function fileOf({ args, options, context }: Call): string | undefined {
  const named = text(options, 'config')
  if (args.length > 0 && args[0] !== undefined) {
    if (named === undefined) return undefined
    throw new UsageError('databases are given, and a configuration', 'Give one or the other.')
  }
  const ofArguments = (['pause', 'busyPause', 'jobs', 'cleanEvery'] as const).find(
    (name) => options[name] !== undefined,
  )
  if (ofArguments) {
    throw new UsageError(
      `${flagName(ofArguments)} does not go with a configuration`,
      'Say it there: rserv help run, docs/guides/run.md.',
    )
  }
  return resolve(context.cwd, named ?? DEFAULT_FILE)
}

interface Running {
  readonly file: string
  readonly service: Service
  readonly web: Web
  readonly log: Log
  readonly onEvent: (event: RservEvent) => void
}

/** Reads the configuration again, one time after another. */
function onHangup(call: Call, { file, service, web, log, onEvent }: Running): void {
  let before = Promise.resolve()
  const again = async (): Promise<void> => {
    log.say('reloading', `${file} is read again`, { file })
    try {
      const settings: Settings = await fromFile(call, file)
      const serving = web.wanted(settings.http)
      await service.reconfigure({ ...settings.spec, onEvent })
      await web.change(serving)
    } catch (error) {
      service.refuse(
        error instanceof UsageError ? new RservError('BAD_ARGUMENT', error.message, { hint: error.hint }) : error,
      )
    }
  }
  call.context.onHangup(() => {
    before = before.then(again)
  })
}
