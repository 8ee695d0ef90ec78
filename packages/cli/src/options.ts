/** One option of the command line; the one source of flags, help and documentation. */
export interface OptionSpec {
  /** As commander writes it: `--host <name>`, `--json`. */
  readonly flag: string
  readonly help: string
  /** Environment variable that is read where the flag is not given. */
  readonly env?: string
  /** What holds where neither is given; for the help: flags themselves have no defaults. */
  readonly default?: string
  /** May be given several times. */
  readonly repeat?: boolean
}

export const OPTIONS = {
  host: {
    flag: '--host <name>',
    help: 'server, where the database argument names none',
    env: 'PGHOST',
    default: 'the local socket, else localhost',
  },
  port: { flag: '--port <number>', help: 'TCP port', env: 'PGPORT', default: '5432' },
  user: { flag: '--user <name>', help: 'role to connect as', env: 'PGUSER', default: 'your login' },
  password: {
    flag: '--password <text>',
    help: 'password; others can see it here',
    env: 'PGPASSWORD',
    default: 'from ~/.pgpass',
  },
  masterhost: { flag: '--masterhost <name>', help: "the master's server" },
  masterport: { flag: '--masterport <number>', help: "the master's port" },
  masteruser: { flag: '--masteruser <name>', help: 'role on the master' },
  masterpassword: { flag: '--masterpassword <text>', help: 'password on the master' },
  slavehost: { flag: '--slavehost <name>', help: "the slave's server" },
  slaveport: { flag: '--slaveport <number>', help: "the slave's port" },
  slaveuser: { flag: '--slaveuser <name>', help: 'role on the slave' },
  slavepassword: { flag: '--slavepassword <text>', help: 'password on the slave' },
  json: { flag: '--json', help: 'print the result as one JSON document' },
  verbose: { flag: '--verbose', help: 'say more on standard error' },
  noverbose: { flag: '--noverbose', help: 'print the bare result only' },
  debug: { flag: '--debug', help: 'say everything, with stack traces of errors; keep temporary files' },
  backend: {
    flag: '--backend <name>',
    help: 'trigger backend: plpgsql, plv8, or an npm package',
    default: "the master's, else plpgsql",
  },
  table: { flag: '--table <name>', help: "one more table or pattern such as 'sales.*'", repeat: true },
  all: { flag: '--all', help: 'every table of the database' },
  granularity: {
    flag: '--granularity <kind>',
    help: 'statement or row',
    default: 'statement; row for partitioned tables',
  },
  dryRun: { flag: '--dry-run', help: 'change nothing: print the SQL, or rehearse' },
  lockTimeout: {
    flag: '--lock-timeout <seconds>',
    help: 'how long one attempt waits for the lock on a table',
    default: '1',
  },
  attempts: { flag: '--attempts <number>', help: 'attempts to get the lock', default: '30' },
  assumeSynced: { flag: '--assume-synced', help: 'the rows are there already: do not copy' },
  keepLog: { flag: '--keep-log', help: 'let the slave log what it applies, so that it can take over and feed others' },
  schema: { flag: '--schema', help: 'create the tables that the slave lacks, as on --master, with pg_dump' },
  master: { flag: '--master <db>', help: 'the master that --schema takes the tables from' },
  pgDump: {
    flag: '--pg-dump <path>',
    help: "pg_dump, of the master's version or newer; pg_restore must lie beside it",
    env: 'RSERV_PG_DUMP',
    default: 'found on PATH',
  },
  server: { flag: '--server <name>', help: "the slave's name on the master", default: "the slave database's name" },
  jobs: { flag: '--jobs <number>', help: 'large new tables that are copied at once', default: '4' },
  snapshot: { flag: '--snapshot <file>', help: 'the snapshot file', default: 'standard input or output' },
  file: {
    flag: '--file <file>',
    help: 'ddl: the script, SQL statements; init: where the configuration is written, - for standard output',
    default: 'standard input; rserv.yaml',
  },
  resume: { flag: '--resume', help: 'no script: the slaves run those that they wait for' },
  again: { flag: '--again', help: 'run the script although the same text was run before' },
  skip: {
    flag: '--skip <number>',
    help: 'the slaves note this script without running it: its changes are there already',
  },
  wait: {
    flag: '--wait <seconds>',
    help: 'how long to wait, for each slave, for its other replicator or for its readers',
    default: '60',
  },
  repair: { flag: '--repair', help: 'bring the differing keys to the slave again' },
  limit: { flag: '--limit <number>', help: 'differing keys to name, a table; all are counted', default: '100' },
  clone: { flag: '--clone', help: "the slave is a copy of another slave's database: give it an identity of its own" },
  otherSlave: {
    flag: '--other-slave <db>',
    help: 'another slave, which follows the new master afterwards',
    repeat: true,
  },
  oldMaster: { flag: '--old-master <db>', help: 'the old master: nobody is promoted while it answers' },
  undo: { flag: '--undo', help: 'give up a switchover that was interrupted: the master can be written again' },
  anyway: { flag: '--anyway', help: 'go on although something stands against it' },
  timeLimit: {
    flag: '--time-limit <seconds>',
    help: 'how long writes may be stopped; then all is undone',
    default: '10',
  },
  hook: { flag: '--hook <command>', help: 'run it by the shell with the new master in RSERV_MASTER_URI' },
  announce: {
    flag: '--announce',
    help: 'let libpq find the master: slaves are read-only by default (target_session_attrs)',
  },
  sequenceMargin: {
    flag: '--sequence-margin <number>',
    help: 'values that each sequence skips: the old master may have given them out',
    default: '1000',
  },
  fence: { flag: '--fence', help: 'wait for the old master, and refuse its writes as soon as it can be reached' },
  report: { flag: '--report <file>', help: 'the rows that only the old master had, one JSON document a line' },
  kind: { flag: '--kind <kind>', help: 'only-old, differs or deleted-by-old', default: 'only-old', repeat: true },
  rejoin: { flag: '--rejoin <id>', help: 'which report', default: 'the latest' },
  copyGaps: { flag: '--copy-gaps', help: 'copy tables whose logs do not reach back to a common state' },
  copy: { flag: '--copy <table>', help: 'send this table whole', repeat: true },
  olderThan: {
    flag: '--older-than <seconds>',
    help: 'remove up to the newest position of this age, instead of up to a sync id',
  },
  watch: { flag: '--watch <seconds>', help: 'show it again and again, this long apart, until told to stop' },
  pause: { flag: '--pause <seconds>', help: 'least time between two transfers', default: '0' },
  busyPause: {
    flag: '--busy-pause <seconds>',
    help: 'most time from one transfer to the next that a busy master is left alone',
    default: '0.3',
  },
  config: { flag: '--config <file>', help: 'configuration file', default: 'rserv.yaml' },
  logLevel: {
    flag: '--log-level <level>',
    help: 'debug, info, warn or error: lines below are left out',
    default: 'info',
  },
  logFormat: { flag: '--log-format <format>', help: 'text or json', default: 'text; json with --json' },
  listen: {
    flag: '--listen <host:port>',
    help: 'serve the page, metrics, health and the state there; any but a loopback address needs a token',
  },
  tokenFile: {
    flag: '--token-file <file>',
    help: 'file whose first line is the token that whoever asks must have',
    default: 'the token in RSERV_TOKEN',
  },
  rows: { flag: '--rows <number>', help: 'most rows a second, on average' },
  bytes: { flag: '--bytes <size>', help: 'most bytes a second, on average: a number, or one with kB, MB, GB' },
  off: { flag: '--off', help: 'without a bound' },
  cleanEvery: {
    flag: '--clean-every <seconds>',
    help: 'how often log rows that all slaves have are removed; 0: never',
    default: '60',
  },
  dir: { flag: '--dir <folder>', help: 'folder for the embedded server', default: 'a temporary one' },
  keep: { flag: '--keep', help: 'leave the embedded server running' },
  open: { flag: '--open', help: 'open a browser' },
  manual: { flag: '--manual', help: 'slaves wait for Replicate, until the page lets them follow' },
  follow: { flag: '--follow', help: 'slaves follow by themselves from the start' },
  major: { flag: '--major <number>', help: "the embedded server's PostgreSQL version", default: '18' },
} as const satisfies Record<string, OptionSpec>

export type OptionName = keyof typeof OPTIONS

/** Values as commander gives them. */
export type OptionValues = Partial<Record<OptionName, string | boolean | string[]>>

/** For commands on one database. */
export const ONE_DATABASE: readonly OptionName[] = ['host', 'port', 'user', 'password']
/** For commands on a master and a slave. */
export const TWO_DATABASES: readonly OptionName[] = [
  ...ONE_DATABASE,
  'masterhost',
  'masterport',
  'masteruser',
  'masterpassword',
  'slavehost',
  'slaveport',
  'slaveuser',
  'slavepassword',
]
/** For commands on a slave that may look at its master. */
export const SLAVE_WITH_MASTER: readonly OptionName[] = [
  ...ONE_DATABASE,
  'masterhost',
  'masterport',
  'masteruser',
  'masterpassword',
]
/** For every command. */
export const EVERYWHERE: readonly OptionName[] = ['json', 'verbose', 'noverbose', 'debug']
