import type { ServiceEventKind } from '@rserv/service'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What the command line itself has to say, besides the events of a service. */
type OwnCode = 'started' | 'listening' | 'moved' | 'notice' | 'step' | 'reloading' | 'stopping' | 'ended' | 'web-error'

export type LogCode = ServiceEventKind | OwnCode

/** One kind of log line. */
export interface LogEntry {
  readonly level: LogLevel
  readonly meaning: string
}

/**
 * Every kind of line that the log can have; a code never changes its meaning. docs/reference/log.md has this as a
 * table. `error`: somebody has to do something. `warn`: it goes on by itself, or somebody should
 * look at it some day. `info`: worth knowing, and seldom. `debug`: everything that is done.
 */
export const LOG_CODES: Readonly<Record<LogCode, LogEntry>> = {
  started: { level: 'info', meaning: 'The process has read its configuration and begins.' },
  listening: { level: 'info', meaning: 'The web server can be asked; `url` says where.' },
  reloading: { level: 'info', meaning: 'SIGHUP came: the configuration is read again.' },
  reconfigured: { level: 'info', meaning: 'Another configuration holds; `added`, `removed`, `changed` name slaves.' },
  'configuration-refused': { level: 'error', meaning: 'The new configuration is not used; the old one goes on.' },
  'master-connected': { level: 'info', meaning: 'The master is seen, at first or again.' },
  'master-lost': { level: 'warn', meaning: 'The master is not seen; it is looked for again.' },
  connected: { level: 'info', meaning: 'A slave and its master are connected; transfers begin.' },
  applied: { level: 'debug', meaning: 'A transfer was applied: `syncId`, `rows`, `bytes`, `elapsedMs`, `tables`.' },
  moved: {
    level: 'info',
    meaning: 'What was applied since the last such line, once a minute: `transfers`, `rows`, `bytes`, `failures`.',
  },
  'in-sync': { level: 'debug', meaning: 'The slave has everything; once, after its last transfer.' },
  failed: { level: 'warn', meaning: 'An attempt failed and will be made again in `retryInMs`; nothing is lost.' },
  parked: { level: 'error', meaning: 'A table failed twice and is left out; the others go on, and it is tried again.' },
  rejoined: { level: 'info', meaning: 'A parked table was copied, and is part of every transfer again.' },
  'copy-progress': { level: 'debug', meaning: 'How far the copy of a table is.' },
  paused: { level: 'info', meaning: 'Nothing is transferred to the slave until it is resumed.' },
  resumed: { level: 'info', meaning: 'The slave is followed again.' },
  throttled: { level: 'info', meaning: 'The slave is held back, or no longer is.' },
  'log-limit': { level: 'warn', meaning: 'The log of the master has passed its limit; `slowest` holds most of it.' },
  detached: {
    level: 'error',
    meaning: 'The master keeps no log for the slave any more: `rserv resync` brings it back.',
  },
  attached: { level: 'info', meaning: 'A slave that was detached has been resynced and is followed again.' },
  cleaned: { level: 'debug', meaning: 'Log rows that every slave has were removed.' },
  'clean-failed': { level: 'warn', meaning: 'The log could not be cleaned; it is tried again.' },
  notice: { level: 'warn', meaning: 'Something that a person should know; the text says it.' },
  step: { level: 'debug', meaning: 'A step of a transfer was done; for those who look for an error.' },
  'web-error': { level: 'warn', meaning: 'A request to the web server met an error, and was answered with 500.' },
  stopping: { level: 'info', meaning: 'The process was told to end; the transfers in hand are finished.' },
  stopped: { level: 'info', meaning: 'The last transfer to the slave is done and its connections are closed.' },
  ended: { level: 'info', meaning: 'The last line of a process that ends in order.' },
}
