import type { StatusResult, TakeoverStatus } from '@rserv/core'
import { displayName, RservError, status } from '@rserv/core'
import type { ClientConfig } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Call, Command, Outcome } from '../command.ts'
import { duration } from '../duration.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { table } from '../output.ts'
import { flag, positive } from '../values.ts'
import { errorsText } from './last-errors.ts'

export const statusCommand: Command = {
  name: 'status',
  summary: 'tables, logs and slaves of a master',
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '[slavedbs...]', help: 'slaves to ask themselves' },
  ],
  options: ['watch', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['status shop', 'status shop shop_copy --json', 'status shop --watch 2'],
  async run(call) {
    const { args, common, side, options } = call
    const [masterText, ...slaveTexts] = args
    const master = await side('master', masterText)
    const slaves: ClientConfig[] = []
    for (const slave of slaveTexts) slaves.push(await side('slave', slave))
    const seconds = positive(options, 'watch')
    if (seconds !== undefined) return watch(call, seconds, () => status(master, slaves, common))
    const result = await status(master, slaves, common)
    return { json: result, text: describe(result) }
  },
}

/**
 * In a terminal each result takes the place of the last; with --json one document a line. Once it has seen the master, an
 * error is shown in place of a result, and it goes on.
 */
async function watch(call: Call, seconds: number, look: () => Promise<StatusResult>): Promise<Outcome> {
  const { context, options } = call
  const stop = context.endGracefully()
  let seen = false
  while (!stop.aborted) {
    const shown = await look().then(shownResult, (error: unknown) => {
      if (!seen || !(error instanceof RservError) || context.signal.aborted) throw error
      return shownError(error, call.hide)
    })
    seen = true
    const before = context.stdout.isTTY ? CLEAR : ''
    context.stdout.write(flag(options, 'json') ? `${JSON.stringify(shown.document)}\n` : `${before}${shown.text}\n\n`)
    await sleep(seconds * 1000, undefined, { signal: stop }).catch(() => undefined)
  }
  return { json: undefined, text: '' }
}

/** As a document, and for people. */
interface Shown {
  readonly document: object
  readonly text: string
}

function shownResult(result: StatusResult): Shown {
  return { document: result, text: describe(result) }
}

function shownError({ code, message }: RservError, hide: (text: string) => string): Shown {
  const at = new Date().toISOString()
  return { document: { error: { code, message: hide(message), at } }, text: `! ${at} ${hide(message)}` }
}

const CLEAR = '\u001B[H\u001B[2J'

function describe(result: StatusResult): string {
  const parts = [
    `Master ${result.database} (node ${result.nodeId}, backend ${result.backend})`,
    result.tables.length === 0 ? 'No table is captured.' : tablesText(result),
    result.servers.length === 0 ? 'No slave has registered yet.' : serversText(result),
    ...result.slaves.map(slaveText),
    ...errorsText(result),
  ]
  return parts.join('\n\n')
}

function tablesText({ tables }: StatusResult): string {
  const rows = tables.map((t) => [
    displayName(t.table),
    t.keyColumns.join(', '),
    t.backend,
    t.granularity,
    String(t.logRows),
    String(t.logBytes),
  ])
  const remarks = tables.flatMap((t) => (t.remark === null ? [] : [`! ${displayName(t.table)}: ${t.remark}`]))
  return [table(['table', 'key', 'backend', 'granularity', 'log rows', 'log bytes'], rows), ...remarks].join('\n')
}

function serversText({ servers }: StatusResult): string {
  const rows = servers.map((s) => [
    s.server,
    s.syncId ?? '-',
    String(s.rowsBehind ?? 'never synced'),
    s.secondsBehind === null ? '-' : s.secondsBehind.toFixed(1),
    s.etaSeconds === null ? '-' : duration(s.etaSeconds),
    s.confirmedAt ?? '-',
  ])
  const scripts = servers.flatMap(({ server, scripts: ids }) =>
    ids.length > 0 ? [`! slave ${server} waits for script ${ids.join(', ')}: its next transfer runs it`] : [],
  )
  const waiting = servers.flatMap(({ server, behind }) =>
    behind
      .filter(({ rows }) => rows > 0)
      .map((t) => [
        server,
        displayName(t.table),
        String(t.rows),
        String(t.keys),
        t.secondsBehind?.toFixed(1) ?? '-',
        t.copy ? 'copy' : 'changes',
      ]),
  )
  const titles = ['slave', 'sync id', 'rows behind', 'seconds behind', 'catches up in', 'confirmed at']
  const all = [table(titles, rows), ...scripts, ...servers.flatMap(heldText)].join('\n')
  if (waiting.length === 0) return all
  const head = ['slave', 'table', 'rows behind', 'keys waiting', 'seconds behind', 'travels as']
  return `${all}\n\n${table(head, waiting)}`
}

/** What holds it, on purpose. */
function heldText({ server, pausedAt, throttle, detached }: StatusResult['servers'][number]): string[] {
  const lines: string[] = []
  if (detached) {
    const back = 'copy its tables again: rserv resync, with the databases of both'
    lines.push(`! slave ${server} was detached at ${detached.at}: ${detached.why}; ${back}`)
  }
  if (pausedAt !== null) lines.push(`! slave ${server} is paused since ${pausedAt}: rserv resume`)
  if (throttle !== null) lines.push(`slave ${server} is throttled: ${JSON.stringify(throttle)}`)
  return lines
}

function slaveText(slave: StatusResult['slaves'][number]): string {
  const rows = slave.tables.map((t) => [displayName(t.table), t.keyColumns.join(', '), t.parked ? 'parked' : t.state])
  const parked = slave.tables.flatMap((t) =>
    t.parked ? [`${displayName(t.table)} is parked, last tried at ${t.parked.at}: ${t.parked.message}`] : [],
  )
  const head = `Slave ${slave.database}: SyncID ${slave.syncId ?? 'none'}${slave.appliedAt ? `, applied at ${slave.appliedAt}` : ''}`
  if (rows.length === 0) return `${head}\nNo table is registered.`
  return [head, table(['table', 'key', 'state'], rows), ...parked, ...takeoverText(slave.takeover)].join('\n')
}

function takeoverText({ keepsLog, ready, missing }: TakeoverStatus): string[] {
  if (!keepsLog) return []
  if (ready) return ["Ready to take its master's place."]
  const lines = missing.map(({ table: name, text }) => `! ${name ? `${displayName(name)}: ` : ''}${text}`)
  return ["Not ready to take its master's place (rserv check has the remedies):", ...lines]
}
