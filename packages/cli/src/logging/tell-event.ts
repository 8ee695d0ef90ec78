import type { RservEvent } from '@rserv/core'
import { displayName } from '@rserv/core'
import type { Problem, ServiceEvent } from '@rserv/service'
import { count } from '../output.ts'
import type { Log } from './log.ts'

/** One line about an event of a service; its code is the event's kind. */
export function tellEvent(log: Log, event: ServiceEvent): void {
  const { kind, at: _, ...fields } = event
  const { problem, ...others } = fields as typeof fields & { problem?: Problem }
  // The code, hint and message of a problem are the line's own.
  const flat = problem ? { ...others, code: problem.code, hint: problem.hint } : others
  log.say(kind, messageOf(event), flat)
}

/** One line about what an operation of core says meanwhile: the `onEvent` of its options. */
export function tellNotice(log: Log, { kind, message, ...fields }: RservEvent): void {
  log.say(kind === 'notice' ? 'notice' : 'step', message, fields)
}

type Messages = { readonly [K in ServiceEvent['kind']]: (event: Extract<ServiceEvent, { kind: K }>) => string }

function messageOf(event: ServiceEvent): string {
  const message = MESSAGES[event.kind] as (event: ServiceEvent) => string
  return message(event)
}

const MESSAGES: Messages = {
  'master-connected': () => 'the master is there',
  'master-lost': ({ problem }) => problem.message,
  connected: () => 'connected to both sides',
  applied: ({ syncId, rows, tables, elapsedMs }) =>
    `sync ${syncId}: ${count(rows, 'row')} in ${count(tables.length, 'table')}, ${elapsedMs} ms`,
  'in-sync': ({ syncId }) => (syncId === null ? 'in sync; nothing was transferred yet' : `in sync at ${syncId}`),
  failed: ({ problem, retryInMs }) => `${problem.message}; trying again in ${seconds(retryInMs)} s`,
  parked: ({ table, problem }) => `${displayName(table)} is left out until it can be copied: ${problem.message}`,
  rejoined: ({ table }) => `${displayName(table)} was copied and is replicated again`,
  'copy-progress': ({ table, copy }) =>
    `${displayName(table)}: ${copy.rowsDone} of ${copy.rowsTotal === null ? 'its' : `about ${copy.rowsTotal}`} rows copied`,
  paused: ({ by }) => `paused by ${by}`,
  resumed: () => 'resumed',
  throttled: ({ throttle }) => (throttle === null ? 'held back no longer' : `held back: ${JSON.stringify(throttle)}`),
  'log-limit': ({ logBytes, limitBytes, slowest }) =>
    `the log has ${logBytes} bytes, its limit is ${limitBytes}${slowest === null ? '' : `; ${slowest} holds most of it`}`,
  detached: ({ server, problem }) => `the master keeps no log for ${server} any more: ${problem.message}`,
  attached: () => 'resynced, and followed again',
  cleaned: ({ rows }) => `${count(rows, 'row')} removed from the log`,
  'clean-failed': ({ problem }) => `the log was not cleaned: ${problem.message}`,
  reconfigured: ({ added, removed, changed }) =>
    `another configuration holds: ${added.length} added, ${removed.length} removed, ${changed.length} changed`,
  'configuration-refused': ({ problem }) => `the new configuration is not used: ${problem.message}`,
  stopped: () => 'stopped',
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1)
