import type { ConfigSource, FollowEvent } from '@rserv/core'
import { cleanLog, displayName, follow, RservError } from '@rserv/core'
import type { ClientConfig } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Call, Command, Outcome } from '../command.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { count } from '../output.ts'
import { flag, number } from '../values.ts'

const CLEAN_EVERY_SECONDS = 60

export const runCommand: Command = {
  name: 'run',
  summary: 'follow a master: keep slaves up with it until told to stop',
  details:
    `Looks for changes often while there are any and seldom while there are none; connects again, later each time, when a ` +
    `server is gone. A slave that is down does not delay another, nor a table that cannot be applied the others: it is ` +
    `left out, tried again every minute, and copied when it can be. The first SIGINT or SIGTERM ends it after the ` +
    `transfers in hand, a second one rolls them back. One line for every event; with --json one document a line.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<slavedbs...>', help: 'its slaves' },
  ],
  options: ['pause', 'busyPause', 'cleanEvery', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['run shop shop_copy', 'run service=shop service=berlin service=paris --json'],
  async run(call) {
    const { args, side, context } = call
    await side('master', args[0])
    const slaves: ClientConfig[] = []
    for (const slave of args.slice(1)) slaves.push(await side('slave', slave))
    const names = namesOf(slaves)
    const stop = context.endGracefully()
    const cleaning = new AbortController()
    const cleaner = clean(call, () => side('master', args[0]), AbortSignal.any([stop, cleaning.signal]))
    // One that is refused at its start ends the others too, after their transfers in hand.
    const failed = new AbortController()
    const stopped = AbortSignal.any([stop, failed.signal])
    const followers = slaves.map((_, index) =>
      followOne(call, {
        master: () => side('master', args[0]),
        slave: () => side('slave', args[index + 1]),
        name: names[index] ?? '',
        stop: stopped,
      }).catch((error: unknown) => {
        failed.abort()
        throw error
      }),
    )
    try {
      await Promise.allSettled(followers)
      await Promise.all(followers)
    } finally {
      cleaning.abort()
      await cleaner
    }
    return TOLD
  },
}

/** Line by line. */
const TOLD: Outcome = { json: undefined, text: '' }

/** Databases of one name are told apart by their hosts. @throws UsageError when one is given twice */
function namesOf(slaves: readonly ClientConfig[]): string[] {
  const full = slaves.map(({ database, host, port }) => `${database}@${host}:${port}`)
  const twice = full.find((name, index) => full.indexOf(name) !== index)
  if (twice !== undefined) throw new UsageError(`slave ${twice} is given twice`, 'Name every slave once.')
  const short = slaves.map(({ database }) => database ?? '')
  return short.map((name, index) => (short.indexOf(name) === short.lastIndexOf(name) ? name : (full[index] ?? name)))
}

interface Following {
  readonly master: ConfigSource
  readonly slave: ConfigSource
  readonly name: string
  readonly stop: AbortSignal
}

async function followOne(call: Call, { master, slave, name, stop }: Following): Promise<void> {
  const pauseMs = (number(call.options, 'pause') ?? 0) * 1000
  const busyMs = (number(call.options, 'busyPause') ?? 0.3) * 1000
  const options = { ...call.common, stop, pauseMs, busyMs }
  for await (const event of follow(master, slave, options)) tell(call, name, event)
  tellLine(call, { slave: name, event: 'stopped' }, `${name}: stopped`)
}

function tell(call: Call, slave: string, event: FollowEvent): void {
  if (event.kind === 'failed') {
    const { error, retryInMs } = event
    const { code, hint } = error instanceof RservError ? error : { code: 'INTERNAL', hint: undefined }
    const message = error instanceof Error ? error.message : String(error)
    const again = `trying again in ${(retryInMs / 1000).toFixed(1)} s`
    tellLine(call, { slave, event: 'failed', code, message, hint, retryInMs }, `${slave}: ${message}; ${again}`)
  } else if (event.kind === 'parked') {
    const { code, message, hint, table } = event.error
    const text = `${slave}: ${displayName(table)} is left out until it can be copied: ${message}`
    tellLine(call, { slave, event: 'parked', table, code, message, hint }, text)
  } else if (event.kind === 'connected') {
    tellLine(call, { slave, event: 'connected' }, `${slave}: connected`)
  } else {
    const { result } = event
    const rows = result.tables.reduce((sum, { written, deleted }) => sum + written + deleted, 0)
    const what = `${count(rows, 'row')} in ${count(result.tables.length, 'table')}, ${result.elapsedMs} ms`
    const text = event.kind === 'applied' ? `applied sync ${result.syncId}: ${what}` : `in sync at ${result.syncId}`
    tellLine(call, { slave, event: event.kind, ...result }, `${slave}: ${text}`)
  }
}

function tellLine({ context, options }: Call, document: object, text: string): void {
  const at = new Date().toISOString()
  context.stdout.write(flag(options, 'json') ? `${JSON.stringify({ at, ...document })}\n` : `${at} ${text}\n`)
}

/** Removes what all slaves have, from time to time. What goes wrong is told and tried again. */
async function clean(call: Call, master: () => Promise<ClientConfig>, stop: AbortSignal): Promise<void> {
  const every = number(call.options, 'cleanEvery') ?? CLEAN_EVERY_SECONDS
  if (every === 0) return
  const { backends, common } = call
  while (await slept(every * 1000, stop)) {
    try {
      const { rows } = await cleanLog(await master(), { olderThanSeconds: 0, backends, ...common })
      if (rows > 0) tellLine(call, { event: 'cleaned', rows }, `log: ${count(rows, 'row')} removed`)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      tellLine(call, { event: 'clean-failed', message }, `log: not cleaned: ${message}`)
    }
  }
}

/** False when it was woken up to stop. */
async function slept(ms: number, stop: AbortSignal): Promise<boolean> {
  return sleep(ms, true, { signal: stop }).catch(() => false)
}
